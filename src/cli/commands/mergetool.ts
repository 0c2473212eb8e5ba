import { resolve } from "node:path";
import { formatForPath } from "../../../formats/index.ts";
import { SopsmithError } from "../../errors.ts";
import { unmergedFiles } from "../../git/files.ts";
import { git, runGit, topLevel } from "../../git/git.ts";
import { acceptResolved, mergeEdited, type MergeSources } from "../../merge.ts";
import { printableLine } from "../../io/printable.ts";
import { sealedFormat } from "../../status.ts";
import { conflictMarkerLine } from "../../merge/lines.ts";
import type { Call, Chunks, Command } from "../command.ts";
import { writeBack } from "../deliver.ts";
import { editUntilAccepted } from "../edit-session.ts";
import * as flags from "../flags.ts";
import { conflictLines, mergeOptions } from "../merge-file.ts";
import { rescue, rescueText, sealLike, withFate } from "../rescue.ts";
import { readSource, sourceOf } from "../source.ts";

const labels = { ours: "ours", theirs: "theirs" };

export const mergetool: Command = {
  operands: "[file...]",
  completes: ["sealed"],
  flags: [
    flags.acceptResolved,
    flags.noAdd,
    flags.noAtomic,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "Resolves the conflicts that a merge or rebase left in encrypted files: merges the three versions that Git keeps, and opens the editor on the plaintext, with markers around the values that conflict. The text that you save without markers is encrypted and",
    "added. Without operands, it handles every encrypted file that has conflicts. Plain text is only in a private temporary file.",
    "With --accept, you have resolved the file itself by choosing encrypted lines; each must come from one of the versions.",
  ],
  examples: [
    { does: "resolve all conflicts in encrypted files", line: "sopsmith mergetool" },
    {
      does: "accept a file whose lines were chosen by hand",
      line: "sopsmith mergetool --accept secrets.yaml",
    },
  ],
  async run(call) {
    if (call.operands.length > 0) {
      for (const file of call.operands) await resolveFile(call, file, await stagesOf(call, file));
      return;
    }
    const files = await unmergedFiles(call.host, "everywhere");
    if (files.size === 0) call.streams.writeStderr("No file has conflicts.\n");
    for (const file of files) {
      const sources = await stagesIn(call, file);
      if (await isEncrypted(file, sources)) await resolveFile(call, file, checked(file, sources));
      else
        call.streams.writeStderr(`${printableLine(file)} is not encrypted: resolve it yourself\n`);
    }
  },
};

async function resolveFile(call: Call, file: string, sources: MergeSources): Promise<void> {
  const source = sourceOf(call, file);
  const options = await mergeOptions(call, file, sources, labels);
  const isResolved = call.options.on(flags.acceptResolved);
  const chunks = await (isResolved ? accepted : edited)(call, file, sources, options);
  try {
    await writeBack(call, source, chunks);
  } catch (error) {
    if (isResolved || !(error instanceof SopsmithError)) throw error;
    const kept = await rescue(call, source, chunks, options.format);
    throw withFate(error, kept.sentence);
  }
  if (!call.options.on(flags.noAdd))
    await git(call.host, ["--literal-pathspecs", "add", "--", resolve(call.host.cwd(), file)]);
  call.streams.writeStderr(`${source.file} is merged\n`);
}

type Options = Awaited<ReturnType<typeof mergeOptions>>;

async function edited(
  call: Call,
  file: string,
  sources: MergeSources,
  options: Options,
): Promise<Chunks> {
  const source = sourceOf(call, file);
  const how = { ...options, input: options.format, output: options.format };
  const keep = (text: Uint8Array) =>
    rescueText(call, source, () => sealLike(sources.ours, text, how, call.host));
  let taken: Uint8Array | undefined;
  try {
    return await mergeEdited(sources, options, call.host, async (text, accept, conflicts) => {
      call.streams.writeStderr(conflictLines(file, conflicts));
      taken = await editUntilAccepted(call, source, [text], {
        accept(typed) {
          refuseMarkers(typed, file);
          accept(typed);
          return Promise.resolve(typed);
        },
        keep,
      });
      return taken;
    });
  } catch (error) {
    if (taken === undefined || !(error instanceof SopsmithError)) throw error;
    throw withFate(error, (await keep(taken)).sentence);
  }
}

async function accepted(
  call: Call,
  file: string,
  sources: MergeSources,
  options: Options,
): Promise<Chunks> {
  const resolved = await readSource(call, sourceOf(call, file));
  refuseMarkers(resolved, file);
  return acceptResolved(resolved, sources, options, call.host);
}

/** @throws {SopsmithError} exit 1 naming the line */
function refuseMarkers(text: Uint8Array, file: string): void {
  const line = conflictMarkerLine(Buffer.from(text).toString("utf8"));
  if (line !== undefined)
    throw new SopsmithError(
      "conflict-markers",
      1,
      `${file} still has conflict markers, the first on line ${line}`,
      { hint: "Keep the lines that are right, and remove the markers." },
    );
}

/** The versions of a file in Git's index; undefined for those that are not there. */
type Stages = { readonly [side in keyof MergeSources]: Uint8Array | undefined };

async function stagesIn(call: Call, file: string): Promise<Stages> {
  const name = file.startsWith("/") ? await belowTop(call, file) : `./${file}`;
  const stage = async (number: number): Promise<Uint8Array | undefined> => {
    const { status, stdout } = await runGit(call.host, ["cat-file", "blob", `:${number}:${name}`]);
    return status === 0 ? stdout : undefined;
  };
  return { base: await stage(1), ours: await stage(2), theirs: await stage(3) };
}

/** @throws {SopsmithError} exit 1 for a file without the stages of a conflict */
const stagesOf = async (call: Call, file: string): Promise<MergeSources> =>
  checked(file, await stagesIn(call, file));

function checked(file: string, { base, ours, theirs }: Stages): MergeSources {
  if (ours === undefined || theirs === undefined)
    throw new SopsmithError("no-conflict", 1, `${file} has no conflict between two versions`, {
      file,
      hint: "git status shows which files have one. If one side removed the file, choose with git add or git rm.",
    });
  return { base, ours, theirs };
}

async function isEncrypted(file: string, stages: Stages): Promise<boolean> {
  for (const version of Object.values(stages))
    if (version !== undefined && (await sealedFormat(version, formatForPath(file))) !== undefined)
      return true;
  return false;
}

async function belowTop(call: Call, path: string): Promise<string> {
  const top = await topLevel(call.host);
  return path.startsWith(`${top}/`) ? path.slice(top.length + 1) : path;
}
