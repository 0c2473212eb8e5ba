import { ConversionError, type Spot } from "./conversion-error.ts";
import { describe, pathText, type MapValue, type Value } from "./value.ts";
import { entry, map, seq, str, type Entry, type Mapping } from "../tree/node.ts";
import type { Manifest } from "./read.ts";
import {
  API_VERSION,
  compareBytes,
  IMMUTABLE_DIRECTIVE,
  KIND,
  LAST_APPLIED,
  SCOPE_DIRECTIVE,
} from "./sops-secret.ts";
import { isBase64 } from "../tree/text.ts";

export type ScopeMode = "strict" | "namespace" | "none";

export interface ConvertOptions {
  /** Default: the name of the first Secret. */
  readonly name?: string | undefined;
  /** Default: the namespace that the Secrets name. */
  readonly namespace?: string | undefined;
  /** Default: strict where a namespace is known. */
  readonly scope?: ScopeMode | undefined;
  readonly warn: (message: string) => void;
}

const secretFields = new Set([
  "apiVersion",
  "kind",
  "metadata",
  "type",
  "data",
  "stringData",
  "immutable",
]);
const metadataFields = new Set(["name", "namespace", "labels", "annotations"]);
/** The API server's own, which mean nothing in a file. */
const serverFields = new Set([
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "managedFields",
  "selfLink",
  "ownerReferences",
]);

/**
 * Plain Secrets as one SopsSecret in clear, its keys in canonical order.
 *
 * @throws {ConversionError} for a manifest that is no Secret, a field that would be lost, and Secrets of several namespaces
 */
export function sopsSecretFrom(secrets: readonly Manifest[], options: ConvertOptions): Mapping {
  const [first] = secrets;
  if (first === undefined)
    throw new ConversionError("there is no Secret: name a file with manifests of kind Secret");
  for (const { kind, apiVersion, spot } of secrets)
    if (kind !== "Secret" || apiVersion !== "v1")
      throw new ConversionError(
        `this is a ${kind} of ${apiVersion || "no apiVersion"}; only Secrets of v1 can be encrypted`,
        spot,
      );
  const namespace = namespaceOf(secrets, options.namespace);
  const name = options.name ?? first.name;
  if (name === "")
    throw new ConversionError("metadata.name is missing: give it, or --name", first.spot);
  const scope = scopeOf(options, namespace, name);
  const seen = new Set<string>();
  const templates = secrets.map((secret) => {
    if (seen.has(secret.name))
      throw new ConversionError(`a second Secret has the name ${secret.name}`, secret.spot);
    seen.add(secret.name);
    return templateOf(secret, scope, options.warn);
  });
  return map([
    entry("apiVersion", str(API_VERSION)),
    entry("kind", str(KIND)),
    entry(
      "metadata",
      map([
        entry("name", str(name)),
        ...(namespace === "" ? [] : [entry("namespace", str(namespace))]),
      ]),
    ),
    entry("spec", map([entry("secretTemplates", seq(templates))])),
  ]);
}

function namespaceOf(secrets: readonly Manifest[], given: string | undefined): string {
  if (given !== undefined) return given;
  const [first, ...rest] = secrets;
  const namespace = first?.namespace ?? "";
  for (const other of rest)
    if (other.namespace !== namespace)
      throw new ConversionError(
        "the Secrets are in several namespaces, a SopsSecret is in one: encrypt them apart, or give --namespace",
        other.spot,
      );
  return namespace;
}

function scopeOf(options: ConvertOptions, namespace: string, name: string): string | undefined {
  const mode = options.scope ?? (namespace === "" ? "none" : "strict");
  if (mode === "none") {
    if (options.scope === undefined)
      options.warn(
        "no namespace is known, so the SopsSecret is not bound to one; give --namespace, or --scope none",
      );
    return undefined;
  }
  if (namespace === "")
    throw new ConversionError(`--scope ${mode} needs a namespace: give --namespace`);
  return mode === "strict" ? `${namespace}/${name}` : `${namespace}/*`;
}

function templateOf(
  { value, spot, name }: Manifest,
  scope: string | undefined,
  warn: (message: string) => void,
): Mapping {
  refuseUnknown(value, secretFields, [], spot);
  if (name === "") throw new ConversionError("metadata.name is missing", spot);
  if (value.entries.get("sops") !== undefined)
    throw new ConversionError("this Secret is encrypted already: decrypt it first", spot);
  const metadata = value.entries.get("metadata") as MapValue;
  for (const field of metadata.entries.keys())
    if (field === "finalizers") warn(`${spot.file}: metadata.finalizers is left out`);
  refuseUnknown(
    metadata,
    new Set([...metadataFields, ...serverFields, "finalizers"]),
    ["metadata"],
    spot,
  );
  const annotations = texts(metadata, "annotations", ["metadata"], spot);
  annotations.delete(LAST_APPLIED);
  if (scope !== undefined) annotations.set(SCOPE_DIRECTIVE, scope);
  const immutable = value.entries.get("immutable");
  if (immutable?.kind === "bool" && immutable.value) annotations.set(IMMUTABLE_DIRECTIVE, "true");
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of texts(value, "data", [], spot)) {
    const compact = text.replaceAll(/[\r\n]/g, "");
    if (!isBase64(compact))
      throw new ConversionError(
        `${pathText(["data", key])} is not base64: put plain text into stringData`,
        spot,
      );
    data.set(key, Buffer.from(compact, "base64"));
  }
  for (const [key, text] of texts(value, "stringData", [], spot)) data.set(key, Buffer.from(text));
  const plain: [string, string][] = [];
  const binary: [string, string][] = [];
  for (const [key, content] of data) {
    const text = asText(content);
    if (text === undefined) binary.push([key, Buffer.from(content).toString("base64")]);
    else plain.push([key, text]);
  }
  const type = value.entries.get("type");
  if (type !== undefined && type.kind !== "null" && type.kind !== "text")
    throw new ConversionError(`type is ${describe(type)}, not text`, { ...spot, line: type.line });
  return map([
    ...field("annotations", annotations),
    ...field("data", binary),
    ...field("labels", texts(metadata, "labels", ["metadata"], spot)),
    entry("name", str(name)),
    ...field("stringData", plain),
    ...(type?.kind === "text" && type.value !== "" ? [entry("type", str(type.value))] : []),
  ]);
}

function field(name: string, items: Iterable<readonly [string, string]>): Entry[] {
  const sorted = [...items].toSorted(([a], [b]) => compareBytes(a, b));
  return sorted.length === 0
    ? []
    : [entry(name, map(sorted.map(([key, value]) => entry(key, str(value)))))];
}

function refuseUnknown(
  value: MapValue,
  known: ReadonlySet<string>,
  path: string[],
  spot: Spot,
): void {
  for (const [key, item] of value.entries)
    if (!known.has(key) && key !== "sops")
      throw new ConversionError(`a SopsSecret cannot hold ${pathText([...path, key])}: remove it`, {
        ...spot,
        line: item.line,
      });
}

function texts(value: MapValue, name: string, path: string[], spot: Spot): Map<string, string> {
  const held: Value | undefined = value.entries.get(name);
  const result = new Map<string, string>();
  if (held === undefined || held.kind === "null") return result;
  if (held.kind !== "map")
    throw new ConversionError(`${pathText([...path, name])} is ${describe(held)}, not a map`, {
      ...spot,
      line: held.line,
    });
  for (const [key, item] of held.entries) {
    if (item.kind === "null") result.set(key, "");
    else if (item.kind === "text") result.set(key, item.value);
    else
      throw new ConversionError(
        `${pathText([...path, name, key])} is ${item.kind === "map" || item.kind === "list" ? describe(item) : `a ${item.kind === "bool" ? "boolean" : "number"}`}, not text: quote it`,
        { ...spot, line: item.line },
      );
  }
  return result;
}

function asText(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}
