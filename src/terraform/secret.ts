import { createHash } from "node:crypto";
import { ConversionError } from "../k8s/conversion-error.ts";
import { emitHcl, isNfc, quoted, type HclStyle } from "./hcl.ts";
import { isCiphertext, isSealed, type Manifest } from "../k8s/manifest.ts";
import { block, providerLines, type Named } from "./blocks.ts";
import { describe, mapOf, text, type MapValue, type Value } from "../k8s/value.ts";
import { isBase64 } from "../tree/text.ts";

/** `kubernetes_secret_v1` resources (spec terraform 5.5 and 5.7). */

/** A plain Secret: `data` of the resource is text, `binary_data` base64. */
export function plainSecret(
  manifest: Manifest,
  { label, provider }: Named,
  style: HclStyle,
): string {
  refuseOtherKinds(manifest, "--as secret");
  if (isSealed(manifest))
    throw new ConversionError(
      "this Secret is encrypted: use --secrets data or --secrets ephemeral, which keep it encrypted",
      manifest.spot,
    );
  const plain = new Map<string, Value>();
  const binary = new Map<string, Value>();
  const take = (key: string, bytes: Uint8Array, line: number): void => {
    const decoded = asText(bytes);
    plain.delete(key);
    binary.delete(key);
    if (decoded !== undefined && isNfc(decoded)) plain.set(key, text(decoded, line));
    else binary.set(key, text(Buffer.from(bytes).toString("base64"), line));
  };
  for (const [key, value] of secretEntries(manifest, "data"))
    take(key, decodeBase64(value.value, `data.${key}`, manifest, value.line), value.line);
  for (const [key, value] of secretEntries(manifest, "stringData"))
    take(key, Buffer.from(value.value), value.line);
  const body = [
    ...metadataBlock(manifest, style),
    ...typeLines(manifest, style),
    ...attribute("data", mapOf(plain), style, plain.size > 0),
    ...attribute("binary_data", mapOf(binary), style, binary.size > 0),
  ];
  return block(`resource "kubernetes_secret_v1" "${label}"`, [...providerLines(provider), ...body]);
}

/**
 * A Secret that sops encrypted, read by the `carlpett/sops` provider when Terraform runs.
 *
 * @param mode `data`: the values end up in Terraform's state; `ephemeral`: nowhere
 * @param sourceFile what the `.tf` names the encrypted file
 */
export function sopsSecret(
  manifest: Manifest,
  { label, provider }: Named,
  mode: "data" | "ephemeral",
  sourceFile: string,
  style: HclStyle,
): string {
  refuseOtherKinds(manifest, "--secrets");
  const address = mode === "data" ? `data.sops_file.${label}` : `ephemeral.sops_file.${label}`;
  const lines: string[] = [];
  for (const field of ["data", "stringData"] as const) {
    for (const [key] of secretEntries(manifest, field)) {
      const read = `yamldecode(${address}.raw)[${quoted(field)}][${quoted(key)}]`;
      lines.push(`    ${quoted(key)} = ${field === "data" ? `base64decode(${read})` : read}`);
    }
  }
  const seen = new Set<string>();
  // stringData wins over data, as in the API server: the later line is the one that stays.
  const values = lines
    .toReversed()
    .filter((line) => {
      const key = line.slice(0, line.indexOf(" = "));
      return !seen.has(key) && seen.add(key);
    })
    .toReversed();
  const source = block(`${mode} "sops_file" "${label}"`, [`  source_file = ${quoted(sourceFile)}`]);
  const secret = block(`resource "kubernetes_secret_v1" "${label}"`, [
    ...providerLines(provider),
    ...metadataBlock(manifest, style),
    ...typeLines(manifest, style),
    ...(mode === "data"
      ? [
          "  # The decrypted values are kept in Terraform's state. --secrets ephemeral avoids that.",
          "  data = {",
          ...values,
          "  }",
        ]
      : [
          "  data_wo = {",
          ...values,
          "  }",
          "  # Computed from the file's MAC: it changes when the file does, and Terraform then writes the values again.",
          `  data_wo_revision = ${revision(manifest)}`,
        ]),
  ]);
  return `${source}\n${secret}`;
}

/** A whole number from 1 on that changes with the file. */
function revision(manifest: Manifest): number {
  const sops = manifest.value.entries.get("sops");
  const mac = sops?.kind === "map" ? sops.entries.get("mac") : undefined;
  if (mac?.kind !== "text")
    throw new ConversionError("the sops block has no mac; encrypt the file again", manifest.spot);
  return (createHash("sha256").update(mac.value).digest().readUInt32BE(0) % 0x7fffffff) + 1;
}

function refuseOtherKinds({ kind, apiVersion, spot }: Manifest, flag: string): void {
  if (kind !== "Secret" || apiVersion !== "v1")
    throw new ConversionError(`${flag} is for Secrets only, but this is a ${kind}`, spot);
}

/** The texts of `data` or `stringData`, in the order of the output. */
function secretEntries(
  { value, spot }: Manifest,
  field: "data" | "stringData",
): [string, { value: string; line: number }][] {
  const map = value.entries.get(field);
  if (map === undefined || map.kind === "null") return [];
  if (map.kind !== "map")
    throw new ConversionError(`${field} must be a map, but is ${describe(map)}`, {
      ...spot,
      line: map.line,
    });
  return [...map.entries].map(([key, item]) => {
    if (item.kind === "null") return [key, { value: "", line: item.line }];
    if (item.kind !== "text")
      throw new ConversionError(
        `${field}.${key} must be text, but is ${describe(item)}: quote it`,
        {
          ...spot,
          line: item.line,
        },
      );
    return [key, { value: item.value, line: item.line }];
  });
}

function decodeBase64(source: string, path: string, { spot }: Manifest, line: number): Uint8Array {
  const compact = source.replaceAll(/[\r\n]/g, "");
  if (!isBase64(compact))
    throw new ConversionError(`${path} is not base64: put plain text into stringData`, {
      ...spot,
      line,
    });
  return Buffer.from(compact, "base64");
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Fields of a Secret's metadata, and what the resource calls them. */
export const secretMetadata: readonly (readonly [manifest: string, resource: string])[] = [
  ["annotations", "annotations"],
  ["generateName", "generate_name"],
  ["labels", "labels"],
  ["name", "name"],
  ["namespace", "namespace"],
];

function metadataBlock(manifest: Manifest, style: HclStyle): string[] {
  const metadata = manifest.value.entries.get("metadata");
  const fields = metadata?.kind === "map" ? metadata.entries : new Map<string, Value>();
  const lines = secretMetadata.flatMap(([from, to]) => {
    const value = fields.get(from);
    if (value === undefined || value.kind === "null") return [];
    refuseCiphertext(value, `metadata.${from}`, manifest);
    return [`    ${to} = ${emitHcl(value, style, 4, ["metadata", from])}`];
  });
  return ["  metadata {", ...lines, "  }"];
}

function typeLines(manifest: Manifest, style: HclStyle): string[] {
  const { entries } = manifest.value;
  const type = entries.get("type");
  const immutable = entries.get("immutable");
  if (type !== undefined) refuseCiphertext(type, "type", manifest);
  return [
    ...(immutable?.kind === "bool" ? [`  immutable = ${String(immutable.value)}`] : []),
    ...(type === undefined || type.kind === "null"
      ? []
      : [`  type = ${emitHcl(type, style, 2, ["type"])}`]),
  ];
}

function refuseCiphertext(value: Value, path: string, { spot }: Manifest): void {
  const open: Value[] = [value];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (one.kind === "map") for (const entry of one.entries.values()) open.push(entry);
    if (one.kind === "text" && isCiphertext(one.value))
      throw new ConversionError(
        `${path} is encrypted, but Terraform needs it unencrypted: encrypt with --encrypted-regex '^(data|stringData)$'`,
        { ...spot, line: one.line },
      );
  }
}

function attribute(name: string, value: MapValue, style: HclStyle, isThere: boolean): string[] {
  return isThere ? [`  ${name} = ${emitHcl(value, style, 2, [name])}`] : [];
}
