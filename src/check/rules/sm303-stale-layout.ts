import {
  CannotKeep,
  recordName,
  sameValues,
  type LayoutReader,
  type Slot,
} from "../../../formats/layout.ts";
import { loadFormat } from "../../../formats/index.ts";
import { looksSealed, sealedText } from "../../crypto/ciphertext.ts";
import { SopsmithError } from "../../errors.ts";
import { detach } from "../../metadata/placement.ts";
import { nothingSelected } from "../../metadata/selection.ts";
import { walk } from "../../metadata/walk.ts";
import type { Comment, Scalar } from "../../tree/node.ts";
import type { Rule } from "../rule.ts";
import type { Subject } from "../subject.ts";

/** The marker of each format: a comment in YAML and INI, an entry of the block elsewhere. */
const MARKER_LINE = /^[ \t]*(?:[#;] sopsmith-layout |"?(?:sops_)?sopsmith_layout\b)/m;

/** A file whose layout marker no longer describes its text. */
export const staleLayout: Rule = {
  id: "SM303",
  name: "stale-layout",
  severity: "warning",
  finds: "a layout marker that no longer fits the text it is in",
  why: [
    "A file that keeps its author's layout says so with `# sopsmith-layout` comments at the head of its `sops` block. sops drops them when it writes the file. A person, or a program that reformats YAML, can leave them in a text that they no longer describe. The values are safe, but the next command that changes the file writes it as sops would, and the author's quotes and blank lines are lost.",
    "Without a key, the rule can check that the marker is at the head of the block, that the text without the block has the same keys and values, that each ciphertext has its own place in it, and that each recorded spelling belongs to a value that still exists.",
  ],
  fix: "Run `sopsmith edit`, and save the file with any change; or remove the `# sopsmith-layout` comments.",
  example: {
    language: "yaml",
    text: "password: ENC[AES256_GCM,…]\nsops:\n    version: 3.13.3\n    # sopsmith-layout 1",
  },
  async inFile(subject) {
    const { sealed, format, content } = subject;
    if (sealed === undefined) return [];
    const { layout } = await loadFormat(format);
    if (layout?.isMarked(content) !== true) return [];
    const at = subject.text().search(MARKER_LINE);
    if (at < 0) return [];
    const message = await flawOf(subject, await layout.load());
    return message === undefined ? [] : [{ ...subject.at(at), column: 1, message }];
  },
};

async function flawOf(
  { content, format }: Subject,
  { readPlain, readSealed }: LayoutReader,
): Promise<string | undefined> {
  try {
    const text = readSealed(content);
    const { documents, orphans, records } = text;
    detach(documents, (await loadFormat(format)).placement);
    // A word in the place of each ciphertext: what comes of it must be the same documents.
    const slots: Slot[] = [];
    const opened = <L extends Scalar | Comment>(leaf: L): L => {
      const sealed = leaf.kind === "comment" ? leaf.value : sealedText(leaf);
      if (sealed === undefined || !looksSealed(sealed)) return leaf;
      const plain = { ...leaf, value: "x" };
      slots.push({ start: leaf.start, end: leaf.end, plain, sealed });
      return plain;
    };
    walk(documents, nothingSelected, { scalar: opened, comment: opened });
    const names = new Set(slots.map(({ sealed }) => recordName(sealed)));
    if ([...records.keys()].some((name) => !names.has(name)))
      return "the layout marker records the spelling of a value that no longer exists";
    for (const comment of orphans) {
      const { start, end, value } = comment;
      slots.push({ start, end, plain: { ...comment, value: "x" }, sealed: value });
    }
    const plain = readPlain(Buffer.from(text.open(slots, new Map())));
    return sameValues(plain.documents, documents)
      ? undefined
      : "the layout marker does not fit: without the sops block, the text has different values";
  } catch (error) {
    if (error instanceof SopsmithError)
      return "the layout marker does not fit: without the sops block, the text is not valid";
    if (error instanceof CannotKeep) return `the layout marker does not fit: ${error.message}`;
    throw error;
  }
}
