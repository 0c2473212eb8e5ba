import { SopsmithError } from "../../errors.ts";
import { runGit } from "../../git/git.ts";
import { readableWord } from "../../git/shell-word.ts";
import { mergeSources, type MergeSources } from "../../merge.ts";
import { MARKER_LENGTH } from "../../merge/lines.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { conflictLines, mergeOptions } from "../merge-file.ts";
import { noFile } from "../source.ts";
import { warn } from "../warn.ts";

/** Git's merge driver; see gitattributes(5), "Defining a custom merge driver". */
export const gitMerge: Command = {
  operands: "base ours theirs marker-size path",
  flags: [flags.decryptionOrder, ...flags.keyServices],
  notes: [
    "For Git, which runs it when both branches changed an encrypted file: merges the values and writes the result to the",
    "second operand. Values that neither side changed keep their ciphertext. Exit status 1 means that conflicts remain, as markers around encrypted lines; sopsmith mergetool resolves them. A version that cannot be opened, or whose MAC is",
    "wrong, is left to Git's own text merge.",
  ],
  examples: [{ does: "what Git runs", line: "sopsmith git merge %O %A %B %L %P" }],
  async run(call) {
    const [base, ours, theirs, size, path] = call.operands;
    if (base === undefined || ours === undefined || theirs === undefined || path === undefined)
      throw noFile("Error: needs 5 operands: base ours theirs marker-size path");
    const read = (file: string) => call.host.readFile(file);
    const ancestor = await read(base);
    const sources: MergeSources = {
      base: ancestor.length === 0 ? undefined : ancestor,
      ours: await read(ours),
      theirs: await read(theirs),
    };
    const length = Number(size) > 0 ? Number(size) : MARKER_LENGTH;
    try {
      const labels = { ours: "ours", theirs: "theirs", length };
      const options = await mergeOptions(call, path, sources, labels);
      const { chunks, conflicts } = await mergeSources(sources, options, call.host);
      const { replaceFile } = await import("../../io/atomic-write.ts");
      await replaceFile(ours, chunks, { purpose: "output" });
      if (conflicts.length > 0) throw new ConflictsLeft(path, conflictLines(path, conflicts));
    } catch (error) {
      if (!(error instanceof SopsmithError) || error instanceof ConflictsLeft) throw error;
      const [reason = ""] = error.message.split("\n");
      warn(call.streams, `${path} is merged as text: ${reason}`);
      await mergeAsText(call, ours, base, theirs, length);
    }
  },
};

/** Both sides changed a value. Exit 1, by which Git knows. */
class ConflictsLeft extends SopsmithError {
  constructor(path: string, lines: string) {
    super("merge-conflict", 1, lines.trimEnd(), {
      file: path,
      hint: `Run sopsmith mergetool ${readableWord(path)}`,
    });
  }
}

/** What Git does without a driver; conflicts are left in any case, since the MAC is that of neither text. */
async function mergeAsText(
  call: Call,
  ours: string,
  base: string,
  theirs: string,
  length: number,
): Promise<void> {
  const labels = ["-L", "ours", "-L", "base", "-L", "theirs"];
  await runGit(call.host, [
    "merge-file",
    "--quiet",
    `--marker-size=${length}`,
    ...labels,
    ours,
    base,
    theirs,
  ]);
  throw new SopsmithError("merged-as-text", 1, "the values were not merged", {
    hint: "Resolve the conflict with sopsmith mergetool, which needs a key",
  });
}
