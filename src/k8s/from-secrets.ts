import { ConversionError, type Spot } from "./conversion-error.ts";
import { readKubeYaml } from "./kube-yaml.ts";
import { describe, mapOf, pathText, text, type MapValue, type Value } from "./value.ts";
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
  /** Default: the name of the first manifest. */
  readonly name?: string | undefined;
  /** Default: the namespace that the manifests name. */
  readonly namespace?: string | undefined;
  /** Default: strict where a namespace is known. */
  readonly scope?: ScopeMode | undefined;
  readonly warn: (message: string) => void;
}

const commonFields = ["apiVersion", "kind", "metadata", "data", "immutable"];
/** What can be in a template, by the kind that is made of it. */
const fields = {
  Secret: new Set([...commonFields, "type", "stringData"]),
  ConfigMap: new Set([...commonFields, "binaryData"]),
};
type Kind = keyof typeof fields;
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
 * Plain Secrets and ConfigMaps as one unencrypted SopsSecret, its keys in canonical order.
 *
 * @throws {ConversionError} for a manifest of another kind, a field that would be lost, and manifests of several namespaces
 */
export function sopsSecretFrom(manifests: readonly Manifest[], options: ConvertOptions): Mapping {
  const [first] = manifests;
  if (first === undefined)
    throw new ConversionError(
      "there is no Secret: name a file with manifests of kind Secret or ConfigMap",
    );
  const namespace = namespaceOf(manifests, options.namespace);
  const name = options.name ?? first.name;
  if (name === "")
    throw new ConversionError("metadata.name is missing: add it, or use --name", first.spot);
  const scope = scopeOf(options, namespace, name);
  const templates: Record<Kind, Map<string, Mapping>> = { ConfigMap: new Map(), Secret: new Map() };
  for (const manifest of manifests) {
    const kind = kindOf(manifest);
    if (templates[kind].has(manifest.name))
      throw new ConversionError(`a second ${kind} has the name ${manifest.name}`, manifest.spot);
    templates[kind].set(manifest.name, templateOf(manifest, kind, scope, options.warn));
  }
  const list = (name: string, held: ReadonlyMap<string, Mapping>): Entry[] =>
    held.size === 0 ? [] : [entry(name, seq([...held.values()]))];
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
    entry(
      "spec",
      map([
        ...list("configMapTemplates", templates.ConfigMap),
        ...list("secretTemplates", templates.Secret),
      ]),
    ),
  ]);
}

function kindOf({ kind, apiVersion, spot }: Manifest): Kind {
  if (apiVersion === "v1" && (kind === "Secret" || kind === "ConfigMap")) return kind;
  throw new ConversionError(
    `this is a ${kind} of ${apiVersion || "no apiVersion"}; only Secrets and ConfigMaps of v1 can be encrypted`,
    spot,
  );
}

/**
 * The values of a Helm chart as a plain Secret, which a HelmRelease of Flux reads from its key `values.yaml`. The text is kept as it is.
 *
 * @param name of the Secret
 * @throws {ConversionError} for text that is no YAML map, or is encrypted already
 */
export function secretOfHelmValues(name: string, source: Uint8Array, file: string): Manifest {
  const documents = readKubeYaml(source, file, () => undefined);
  const [first] = documents;
  const spot = { file, line: first?.line ?? 1 };
  if (documents.length !== 1 || first?.value.kind !== "map")
    throw new ConversionError("the values of a chart must be one YAML map", spot);
  if (first.value.entries.get("sops")?.kind === "map")
    throw new ConversionError("these values are already encrypted: decrypt them first", spot);
  const content = asText(source);
  if (content === undefined) throw new ConversionError("the values are not UTF-8 text", spot);
  return {
    value: mapOf([
      ["apiVersion", text("v1")],
      ["kind", text("Secret")],
      ["metadata", mapOf([["name", text(name)]])],
      ["stringData", mapOf([["values.yaml", text(content)]])],
    ]),
    kind: "Secret",
    apiVersion: "v1",
    name,
    generateName: "",
    namespace: "",
    spot,
  };
}

function namespaceOf(manifests: readonly Manifest[], given: string | undefined): string {
  if (given !== undefined) return given;
  const [first, ...rest] = manifests;
  const namespace = first?.namespace ?? "";
  for (const other of rest)
    if (other.namespace !== namespace)
      throw new ConversionError(
        "the manifests are in several namespaces, but a SopsSecret is in one: encrypt them separately, or use --namespace",
        other.spot,
      );
  return namespace;
}

function scopeOf(options: ConvertOptions, namespace: string, name: string): string | undefined {
  const mode = options.scope ?? (namespace === "" ? "none" : "strict");
  if (mode === "none") {
    if (options.scope === undefined)
      options.warn(
        "no namespace is known, so the SopsSecret is not bound to one; use --namespace, or --scope none",
      );
    return undefined;
  }
  if (namespace === "")
    throw new ConversionError(`--scope ${mode} needs a namespace: use --namespace`);
  return mode === "strict" ? `${namespace}/${name}` : `${namespace}/*`;
}

function templateOf(
  { value, spot, name }: Manifest,
  kind: Kind,
  scope: string | undefined,
  warn: (message: string) => void,
): Mapping {
  refuseUnknown(value, fields[kind], [], spot);
  if (name === "") throw new ConversionError("metadata.name is missing", spot);
  if (value.entries.get("sops") !== undefined)
    throw new ConversionError(`this ${kind} is already encrypted: decrypt it first`, spot);
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
  const labels = field("labels", texts(metadata, "labels", ["metadata"], spot));
  if (kind === "ConfigMap") {
    const data = texts(value, "data", [], spot);
    const binary = decoded(value, "binaryData", "data", spot);
    for (const key of binary.keys())
      if (data.has(key))
        throw new ConversionError(`${key} is in data and in binaryData: remove one of them`, spot);
    const encoded = [...binary].map(([key, content]) => [key, base64(content)] as const);
    return map([
      ...field("annotations", annotations),
      ...field("binaryData", encoded),
      ...field("data", data),
      ...labels,
      entry("name", str(name)),
    ]);
  }
  const data = decoded(value, "data", "stringData", spot);
  for (const [key, text] of texts(value, "stringData", [], spot)) data.set(key, Buffer.from(text));
  const plain: [string, string][] = [];
  const binary: [string, string][] = [];
  for (const [key, content] of data) {
    const text = asText(content);
    if (text === undefined) binary.push([key, base64(content)]);
    else plain.push([key, text]);
  }
  const type = value.entries.get("type");
  if (type !== undefined && type.kind !== "null" && type.kind !== "text")
    throw new ConversionError(`type is ${describe(type)}, not text`, { ...spot, line: type.line });
  return map([
    ...field("annotations", annotations),
    ...field("data", binary),
    ...labels,
    entry("name", str(name)),
    ...field("stringData", plain),
    ...(type?.kind === "text" && type.value !== "" ? [entry("type", str(type.value))] : []),
  ]);
}

const base64 = (content: Uint8Array): string => Buffer.from(content).toString("base64");

/**
 * The values of a map that holds base64.
 *
 * @param plain the map that plain text belongs into
 */
function decoded(
  value: MapValue,
  name: string,
  plain: string,
  spot: Spot,
): Map<string, Uint8Array> {
  const result = new Map<string, Uint8Array>();
  for (const [key, text] of texts(value, name, [], spot)) {
    const compact = text.replaceAll(/[\r\n]/g, "");
    if (!isBase64(compact))
      throw new ConversionError(
        `${pathText([name, key])} is not base64: put plain text into ${plain}`,
        spot,
      );
    result.set(key, Buffer.from(compact, "base64"));
  }
  return result;
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
