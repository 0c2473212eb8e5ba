import { ConversionError, type Spot } from "./conversion-error.ts";
import { readKubeYaml } from "./kube-yaml.ts";
import { describe, mapOf, text, type MapValue, type Value } from "./value.ts";

/** One Kubernetes resource. */
export interface Manifest {
  readonly value: MapValue;
  readonly kind: string;
  readonly apiVersion: string;
  /** "" when absent. */
  readonly name: string;
  /** `generateName`; "" when absent or when there is a name. */
  readonly generateName: string;
  /** "" when absent. */
  readonly namespace: string;
  readonly spot: Spot;
}

/**
 * The resources of a file, lists expanded (spec terraform R1–R6).
 *
 * @throws {ConversionError}
 */
export function readManifests(
  source: Uint8Array,
  file: string,
  warn: (message: string) => void,
): Manifest[] {
  return readKubeYaml(source, file, warn).flatMap(({ value, line, number }) => {
    const spot = { file, line, document: number };
    if (value.kind !== "map")
      throw new ConversionError(
        `a manifest must be a map, but this document is ${describe(value)}`,
        spot,
      );
    return expand(value, spot);
  });
}

/** A list stands for its items, also when lists are nested. */
function expand(value: MapValue, spot: Spot): Manifest[] {
  const kind = value.entries.get("kind");
  const items = value.entries.get("items");
  const isList =
    kind?.kind === "text" &&
    kind.value.endsWith("List") &&
    (items?.kind === "list" || items?.kind === "null");
  if (!isList) return [manifestOf(value, spot)];
  if (items.kind === "null") return [];
  return items.items.flatMap((item) => {
    const at = { ...spot, line: item.line };
    if (item.kind !== "map")
      throw new ConversionError(
        `an item of a list must be a map, but this one is ${describe(item)}`,
        at,
      );
    return expand(withTypeOf(value, kind.value, item), at);
  });
}

/** `kubectl get --raw` leaves the items' own type out. */
function withTypeOf(list: MapValue, kind: string, item: MapValue): MapValue {
  const entries = new Map(item.entries);
  if (!entries.has("kind")) entries.set("kind", text(kind.slice(0, -"List".length), item.line));
  const apiVersion = list.entries.get("apiVersion");
  if (!entries.has("apiVersion") && apiVersion !== undefined) entries.set("apiVersion", apiVersion);
  return mapOf(entries, item.line);
}

function manifestOf(value: MapValue, spot: Spot): Manifest {
  const kind = value.entries.get("kind");
  if (kind === undefined || kind.kind === "null")
    throw new ConversionError("kind is missing", spot);
  if (kind.kind !== "text") throw notText("kind", kind, spot);
  if (kind.value === "") throw new ConversionError("kind is empty", { ...spot, line: kind.line });
  if (isCiphertext(kind.value))
    throw new ConversionError(
      "kind is encrypted: Terraform and Kubernetes need it unencrypted; encrypt with --encrypted-suffix Templates (SopsSecret) or --encrypted-regex '^(data|stringData)$'",
      { ...spot, line: kind.line },
    );
  const metadata = value.entries.get("metadata");
  if (metadata === undefined || metadata.kind === "null")
    throw new ConversionError("metadata is missing", spot);
  if (metadata.kind !== "map")
    throw new ConversionError(`metadata must be a map, but is ${describe(metadata)}`, {
      ...spot,
      line: metadata.line,
    });
  const field = (name: string) => textField(metadata, name, spot);
  const name = field("name");
  if (isCiphertext(name))
    throw new ConversionError(
      "metadata.name is encrypted: Terraform and Kubernetes need it unencrypted; encrypt with --encrypted-suffix Templates (SopsSecret) or --encrypted-regex '^(data|stringData)$'",
      { ...spot, line: metadata.line },
    );
  const generateName = field("generateName");
  const apiVersion = value.entries.get("apiVersion");
  return {
    value,
    kind: kind.value,
    apiVersion: apiVersion?.kind === "text" ? apiVersion.value : "",
    name,
    generateName: name === "" ? generateName : "",
    namespace: field("namespace"),
    spot,
  };
}

/** A text of `metadata`; null counts as absent. */
function textField(metadata: MapValue, name: string, spot: Spot): string {
  const value = metadata.entries.get(name);
  if (value === undefined || value.kind === "null") return "";
  if (value.kind === "text") return value.value;
  throw notText(`metadata.${name}`, value, spot);
}

function notText(path: string, value: Value, spot: Spot): ConversionError {
  const at = { ...spot, line: value.line };
  if (value.kind === "bool" && value.spelling !== undefined)
    return new ConversionError(
      `${path} is ${describe(value)}, not text: YAML 1.1 reads on, yes, y, no, n and off as booleans; quote it: "${value.spelling}"`,
      at,
    );
  const shown =
    value.kind === "bool" || value.kind === "int" || value.kind === "float"
      ? `: quote it: "${String(value.value)}"`
      : "";
  return new ConversionError(`${path} is ${describe(value)}, not text${shown}`, at);
}

/** Is this a value that sops encrypted? */
export const isCiphertext = (value: string): boolean => value.startsWith("ENC[AES256_GCM,");

/** Does sops metadata stand beside the manifest's own fields? */
export const isSealed = ({ value }: Manifest): boolean => value.entries.get("sops")?.kind === "map";
