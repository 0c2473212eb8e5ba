import { jsonText } from "../../formats/json/writer.ts";
import { loadFormat } from "../../formats/index.ts";
import type { CreationRule } from "../config/match.ts";
import { decryptDocuments, decryptWhole, type OpenVerbOptions } from "../decrypt.ts";
import { keptText, sealNew } from "../encrypt.ts";
import { parseSealed } from "../file.ts";
import type { Host } from "../io/host.ts";
import { joinChunks } from "../tree/long-text.ts";
import { entry, map, seq, str, type Documents, type Mapping, type Node } from "../tree/node.ts";
import { keyDifference, type KeyDifference } from "../update-keys.ts";

/** Whether a rule asks for other keys than the file has. */
export function isRecreated({ keyGroups }: CreationRule): boolean {
  return (keyGroups[0] ?? []).length > 0;
}

/**
 * Makes sure that a file is encrypted, and compares its keys with those of a rule.
 *
 * @returns undefined when nothing would change
 * @throws {SopsmithError} exit 1 for a file that is not encrypted
 */
export async function compareKeys(
  source: Uint8Array,
  options: OpenVerbOptions,
  rule: CreationRule,
): Promise<KeyDifference | undefined> {
  const { file, warn } = options;
  const format = await loadFormat(options.input);
  const { metadata } = parseSealed(source, { file, format, warn });
  if (!isRecreated(rule)) return undefined;
  const { groups } = keyDifference(metadata, rule.keyGroups);
  const isEmpty = groups.every(({ added, removed }) => added.length + removed.length === 0);
  // The threshold is the rule's own, and not reported, as in sops.
  return isEmpty ? undefined : { groups, isEmpty, threshold: { before: 0, after: 0 } };
}

/** Decrypts a file and encrypts it by a rule: other keys, a new data key. */
export async function recreate(
  source: Uint8Array,
  options: OpenVerbOptions,
  rule: CreationRule,
  host: Host,
): Promise<Uint8Array> {
  const { documents, own } = await decryptWhole(source, options, host);
  const kept = own && (await keptText(own.text, await loadFormat(options.input), options));
  const { keyGroups, threshold, selector, macOnlyEncrypted } = rule;
  const selectors = selector === undefined ? [] : [selector];
  const chunks = await sealNew(
    documents,
    { ...options, output: options.input, keyGroups, threshold, selectors, macOnlyEncrypted },
    host,
    kept,
  );
  return joinChunks(chunks);
}

/** Decrypts a file to one JSON object, without spaces. */
export async function decryptToJson(
  source: Uint8Array,
  options: OpenVerbOptions,
  host: Host,
): Promise<string> {
  const documents = await decryptDocuments(source, options, host);
  return joinChunks(jsonText(merged(documents), undefined)).toString();
}

/**
 * All documents as one mapping, in which later ones win. As in sops, whose readers depend on it, a mapping inside a list
 * becomes a list of `{"Key": …, "Value": …}` (spec cli 5.12).
 */
function merged(documents: Documents): Mapping {
  return asMap(documents.flatMap(({ items }) => items));
}

function asMap(items: Mapping["items"]): Mapping {
  const byKey = new Map<string, Node>();
  for (const item of items) if (item.kind === "entry") byKey.set(item.key, asValue(item.value));
  return map([...byKey].map(([key, value]) => entry(key, value)));
}

function asValue(node: Node): Node {
  if (node.kind === "map") return asMap(node.items);
  return node.kind === "seq" ? asList(node.items) : node;
}

function asList(items: readonly Node[]): Node {
  return seq(items.filter(({ kind }) => kind !== "comment").map(asItem));
}

function asItem(node: Node): Node {
  if (node.kind === "seq") return asList(node.items);
  if (node.kind !== "map") return node;
  return seq(
    node.items.flatMap((item) =>
      item.kind === "entry"
        ? [map([entry("Key", str(item.key)), entry("Value", asItem(item.value))])]
        : [],
    ),
  );
}
