import { mapOf, text, type MapValue, type Value } from "../k8s/value.ts";

/** Changes to a manifest before it is printed. Each returns a new value; the old one may be shared. */

const serverSide = [
  "creationTimestamp",
  "resourceVersion",
  "selfLink",
  "uid",
  "managedFields",
  "finalizers",
  "generation",
];

/** Drops what the API server adds, at the top of the manifest only (spec terraform 1.6). */
export function strip(manifest: MapValue, options: { keepNamespace: boolean }): MapValue {
  const entries = new Map(manifest.entries);
  const metadata = entries.get("metadata");
  if (metadata?.kind === "map") {
    const kept = new Map(metadata.entries);
    for (const name of serverSide) kept.delete(name);
    const namespace = kept.get("namespace");
    if (!options.keepNamespace && namespace?.kind === "text" && namespace.value === "default")
      kept.delete("namespace");
    const annotations = kept.get("annotations");
    if (annotations?.kind === "null") kept.delete("annotations");
    if (annotations?.kind === "map") {
      const left = new Map(annotations.entries);
      left.delete("kubectl.kubernetes.io/last-applied-configuration");
      if (left.size === 0) kept.delete("annotations");
      else kept.set("annotations", mapOf(left, annotations.line));
    }
    entries.set("metadata", mapOf(kept, metadata.line));
  }
  const spec = entries.get("spec");
  if (spec?.kind === "map" && spec.entries.has("finalizers")) {
    const kept = new Map(spec.entries);
    kept.delete("finalizers");
    entries.set("spec", mapOf(kept, spec.line));
  }
  entries.delete("status");
  return mapOf(entries, manifest.line);
}

/** The namespace put into `metadata` where it has none. */
export function withNamespace(manifest: MapValue, namespace: string): MapValue {
  const metadata = manifest.entries.get("metadata");
  if (metadata?.kind !== "map") return manifest;
  const there = metadata.entries.get("namespace");
  if (there !== undefined && there.kind !== "null") return manifest;
  const named = mapOf(
    new Map(metadata.entries).set("namespace", text(namespace, metadata.line)),
    metadata.line,
  );
  return mapOf(new Map(manifest.entries).set("metadata", named), manifest.line);
}

/** Without the entries of maps that are null; the server drops them, and Terraform then finds a difference. */
export function pruneNulls(value: MapValue): MapValue {
  return pruned(value, () => ({ nulls: true, empty: false })) as MapValue;
}

/** Without empty lists everywhere and empty maps in `metadata`: `emptyDir: {}` and the like mean something. */
export function pruneEmpty(value: MapValue): MapValue {
  return pruned(value, (path) => ({ nulls: false, empty: path[0] === "metadata" })) as MapValue;
}

function pruned(
  value: Value,
  rule: (path: readonly string[]) => { nulls: boolean; empty: boolean },
  path: readonly string[] = [],
): Value {
  if (value.kind === "list")
    return { ...value, items: value.items.map((item) => pruned(item, rule, path)) };
  if (value.kind !== "map") return value;
  const kept = new Map<string, Value>();
  for (const [key, child] of value.entries) {
    const at = [...path, key];
    const { nulls, empty } = rule(at);
    if (nulls) {
      if (child.kind !== "null") kept.set(key, pruned(child, rule, at));
      continue;
    }
    const left = pruned(child, rule, at);
    if (left.kind === "list" && left.items.length === 0) continue;
    if (empty && path.length > 0 && left.kind === "map" && left.entries.size === 0) continue;
    kept.set(key, left);
  }
  return mapOf(kept, value.line);
}
