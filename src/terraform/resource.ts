import { yaml } from "../../formats/yaml.ts";
import { joinChunks } from "../tree/long-text.ts";
import {
  bool,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  type Mapping,
  type Node,
} from "../tree/node.ts";
import { block, providerLines, type Named } from "./blocks.ts";
import { ConversionError, type Spot } from "../k8s/conversion-error.ts";
import { byBytes, emitHcl, firstNotNfc, heredoc, holdsAsHeredoc, isNfc, quoted } from "./hcl.ts";
import type { HclStyle } from "./hcl.ts";
import type { Manifest } from "../k8s/manifest.ts";
import type { MapValue, Value } from "../k8s/value.ts";

/** Arguments of `kubernetes_manifest` beside the manifest (spec terraform 5.4). */
export interface ManifestArguments {
  readonly computedFields: readonly string[];
  readonly fieldManager: string;
  readonly forceConflicts: boolean;
  /** `rollout`, `fields.PATH=TEXT` or `condition=TYPE`; all of one kind. */
  readonly wait: readonly string[];
  /** `create=10m`. */
  readonly timeouts: readonly string[];
}

/** A `kubernetes_manifest` resource. */
export function kubernetesManifest(
  manifest: Manifest,
  { label, provider }: Named,
  more: ManifestArguments,
  style: HclStyle,
): string {
  return block(`resource "kubernetes_manifest" "${label}"`, [
    ...providerLines(provider),
    `  manifest = ${emitHcl(manifest.value, style, 2)}`,
    ...argumentLines(more),
  ]);
}

function argumentLines(more: ManifestArguments): string[] {
  const { computedFields, fieldManager, forceConflicts, wait, timeouts } = more;
  const lines: string[] = [];
  if (computedFields.length > 0) {
    // A list of one's own replaces the provider's.
    const all = new Set(["metadata.annotations", "metadata.labels", ...computedFields]);
    lines.push("", `  computed_fields = [${[...all].map(quoted).join(", ")}]`);
  }
  if (fieldManager !== "" || forceConflicts) {
    lines.push("", "  field_manager {");
    if (fieldManager !== "") lines.push(`    name = ${quoted(fieldManager)}`);
    if (forceConflicts) lines.push("    force_conflicts = true");
    lines.push("  }");
  }
  if (wait.length > 0) lines.push("", "  wait {", ...waitLines(wait), "  }");
  if (timeouts.length > 0) {
    const set = timeouts.map((pair) => pair.split("=", 2) as [string, string]);
    lines.push("", "  timeouts {", ...set.map(([k, v]) => `    ${k} = ${quoted(v)}`), "  }");
  }
  return lines;
}

function waitLines(wait: readonly string[]): string[] {
  if (wait[0] === "rollout") return ["    rollout = true"];
  if (wait[0]?.startsWith("condition=") === true)
    return wait.flatMap((one) => [
      "    condition {",
      `      type = ${quoted(one.slice("condition=".length))}`,
      '      status = "True"',
      "    }",
    ]);
  const fields = wait.map((one) => {
    const at = one.indexOf("=");
    return `      ${quoted(one.slice("fields.".length, at))} = ${quoted(one.slice(at + 1))}`;
  });
  return ["    fields = {", ...fields, "    }"];
}

/** A `kubectl_manifest` resource: the manifest as YAML text. */
export function kubectlManifest(
  manifest: Manifest,
  { label, provider }: Named,
  style: HclStyle,
): string {
  const text = joinChunks(
    yaml.emit([treeOf(manifest.value, manifest.spot)], {
      sealed: false,
      indent: 2,
      quoteMergeKeys: true,
    }),
  ).toString();
  if (!isNfc(text) && style.onNotNfc === undefined)
    throw new ConversionError(
      `Terraform would change this manifest's text (it is not in Unicode NFC, at character ${firstNotNfc(text)} of the YAML text); put the text into binaryData, or into data of a Secret, as base64`,
      manifest.spot,
    );
  const body = text.normalize("NFC");
  if (body !== text) style.onNotNfc?.("yaml_body");
  return block(`resource "kubectl_manifest" "${label}"`, [
    ...providerLines(provider),
    `  yaml_body = ${holdsAsHeredoc(body) ? heredoc(body, 2, "YAML") : quoted(body)}`,
  ]);
}

/** The value as a document tree, keys sorted. */
export function treeOf(value: MapValue, spot: Spot): Mapping;
export function treeOf(value: Value, spot: Spot): Node;
export function treeOf(value: Value, spot: Spot): Node {
  switch (value.kind) {
    case "null":
      return nil();
    case "bool":
      return bool(value.value);
    case "int":
      return int(value.value);
    case "float":
      if (!Number.isFinite(value.value))
        throw new ConversionError("an infinite number has no JSON form", {
          ...spot,
          line: value.line,
        });
      return float(value.value);
    case "text":
      return str(value.value);
    case "list":
      return seq(value.items.map((item) => treeOf(item, spot)));
    case "map":
      return map(
        [...value.entries]
          .toSorted(([a], [b]) => byBytes(a, b))
          .map(([key, item]) => entry(key, treeOf(item, spot))),
      );
    default:
      return value satisfies never;
  }
}

/** An `import` block for a resource that is there already. */
export function importBlock(
  address: string,
  { apiVersion, kind, namespace, name, spot }: Manifest,
  as: "manifest" | "kubectl" | "secret",
): string {
  if (name === "")
    throw new ConversionError("--import needs metadata.name, but this manifest has none", spot);
  const id =
    as === "manifest"
      ? `apiVersion=${apiVersion},kind=${kind},${namespace === "" ? "" : `namespace=${namespace},`}name=${name}`
      : as === "kubectl"
        ? `${apiVersion}//${kind}//${name}${namespace === "" ? "" : `//${namespace}`}`
        : `${namespace === "" ? "default" : namespace}/${name}`;
  return block("import", [`  to = ${address}`, `  id = ${quoted(id)}`]);
}
