import { ciphertextFlaw } from "../../crypto/ciphertext.ts";
import { ParseError } from "../../errors.ts";
import { normalTime } from "../../go/time.ts";
import { find, type Mapping, type Node } from "../../tree/node.ts";
import type { Path } from "../../tree/path.ts";
import { keyPath } from "../key-path.ts";
import { start, type Problem, type Rule } from "../rule.ts";
import type { SealedSubject, Subject } from "../subject.ts";

/** A file that cannot be decrypted for what its `sops` block, or the file as a whole, lacks. */
export const brokenMetadata: Rule = {
  id: "SM105",
  name: "broken-metadata",
  severity: "error",
  finds: "the file or its `sops` block cannot be read, or lacks what decryption needs",
  why: [
    "Without a readable `sops` block, nobody can open the file. This rule reports: a block that is missing, duplicated or not a mapping; no `mac`, or one that is not a ciphertext; no `lastmodified`, or one that is not a time; no keys; two selections; a `shamir_threshold` larger than the number of key groups; a selection whose expression does not compile, which then matches nothing; a key that appears twice in one mapping; and a file that cannot be parsed.",
  ],
  fix: "Restore the file from version control, and make the change with `sopsmith edit`.",
  example: {
    language: "yaml",
    text: "a: ENC[AES256_GCM,…]\nsops:\n    age: …\n    lastmodified: yesterday",
  },
  inFile(subject) {
    const { broken, sealed } = subject;
    if (broken !== undefined) {
      const line = broken instanceof ParseError ? (broken.line ?? 1) : 1;
      const message = broken instanceof ParseError ? broken.what : broken.message;
      return [{ line, column: 1, message: `the file cannot be read: ${firstLine(message)}` }];
    }
    return sealed === undefined
      ? []
      : [...problems(subject, sealed), ...duplicates(subject, sealed)];
  },
};

const firstLine = (text: string): string => (text.split("\n\n")[1] ?? text).split("\n")[0] ?? "";

function* problems(subject: Subject, sealed: SealedSubject): Iterable<Problem> {
  const { block, metadata, flaw, walkFlaw } = sealed;
  const spot = (name: string) => subject.at(spotOf(subject, block, name));
  if (flaw !== undefined) {
    const isBare = block.items.length === 0;
    yield {
      ...(isBare ? start : spot(fieldIn(flaw.message))),
      message: isBare
        ? "the file has ciphertexts and no sops block"
        : `the sops block cannot be used: ${firstLine(flaw.message)}`,
    };
  }
  if (walkFlaw !== undefined)
    yield { ...start, message: `the file cannot be decrypted: ${walkFlaw}` };
  if (metadata === undefined) return;
  if (metadata.mac === "") yield { ...spot("mac"), message: "the sops block has no mac" };
  else {
    const macFlaw = ciphertextFlaw(metadata.mac);
    if (macFlaw !== undefined)
      yield {
        ...spot("mac"),
        message: `the mac in the sops block is a broken ciphertext: ${macFlaw}`,
      };
  }
  const groups = metadata.keyGroups.length;
  if (metadata.shamirThreshold > groups)
    yield {
      ...spot("shamir_threshold"),
      message: `shamir_threshold is ${metadata.shamirThreshold}, and the file has ${groups === 1 ? "one key group" : `${groups} key groups`}`,
    };
  if (normalTime(metadata.lastModified) === undefined || isMissing(block, "lastmodified"))
    yield { ...spot("lastmodified"), message: "the sops block has no lastmodified" };
  const empty = metadata.keyGroups.flat().find(({ enc }) => (enc ?? "") === "");
  if (empty !== undefined)
    yield {
      ...spot("sops"),
      message: `the data key is not wrapped for ${empty.id}: its enc is empty`,
    };
}

const isMissing = (block: Mapping, name: string): boolean => find(block, name) === undefined;

/** The field that a message about the block names. */
function fieldIn(message: string): string {
  return /'([a-z_]+)[\]['[.0-9]/.exec(message)?.[1] ?? "sops";
}

/** The offset of a field of the block, in whatever way the format writes it; of the block itself where it is not there. */
function spotOf(subject: Subject, block: Mapping, name: string): number {
  const field = find(block, name);
  if (field !== undefined && field.start >= 0) return field.start;
  const text = subject.text();
  const flat = new RegExp(String.raw`^\s*"?(?:sops_)?${name}"?\s*[=:]`, "m");
  const found = flat.exec(text);
  if (found !== null) return found.index + found[0].search(/\S/);
  const top = /^\s*\[sops\]|^sops_|^\s*["']?sops["']?\s*:/m.exec(text);
  return top === null ? 0 : top.index + top[0].search(/\S/);
}

/** Keys that appear twice in a mapping. The readers of YAML and INI refuse or merge them before this; in ENV files they are usual. */
function* duplicates(subject: Subject, { documents }: SealedSubject): Iterable<Problem> {
  if (subject.format === "ini" || subject.format === "dotenv") return;
  const open: [Node, Path][] = documents.map((document) => [document, []]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, path] = next;
    if (node.kind === "seq")
      node.items.forEach((item, index) => open.push([item, [...path, index]]));
    if (node.kind !== "map") continue;
    const keys = new Set<string>();
    for (const item of node.items) {
      if (item.kind !== "entry") continue;
      const at = [...path, item.key];
      if (keys.has(item.key))
        yield { ...subject.at(item.start), path: at, message: `${keyPath(at)} appears twice` };
      keys.add(item.key);
      open.push([item.value, at]);
    }
  }
}
