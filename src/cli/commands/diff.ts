import { isatty } from "node:tty";
import { join } from "node:path";
import { noPolicy } from "../../config/policy.ts";
import { readSubject, type Subject } from "../../check/subject.ts";
import { decryptDocuments } from "../../decrypt.ts";
import { noncesIn, compareTrees, type ValueChange } from "../../diff/compare.ts";
import { compareFiles, type FileDifference } from "../../diff/file-difference.ts";
import { diffReports } from "../../diff/reports.ts";
import { shownLeaf } from "../../diff/shown-leaf.ts";
import { SopsmithError } from "../../errors.ts";
import { topLevel } from "../../git/git.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import { parseSides, versionsOf } from "../diff-sides.ts";
import * as flags from "../flags.ts";
import { keyServices } from "../key-services.ts";
import { openOrder } from "../open-order.ts";
import { namesInForce } from "../named-keys.ts";
import type { KeyNames } from "../../people/names.ts";
import { warn } from "../warn.ts";

const bool = (about: string, name: string): flags.BoolFlag => ({
  kind: "bool",
  names: [name],
  about,
});
const stat = bool("print one line for each file", "stat");
const markdown = bool("print Markdown, for a comment on a pull request", "markdown");
const values = bool("show the values too; needs a key", "values");
const force = bool("show values even when the output is not a terminal", "force");
const exitCode = bool("exit with status 1 when something differs", "exit-code");

/** With `--exit-code`: something differs. Exit 1, and nothing to say about it. */
class Differs extends SopsmithError {
  constructor() {
    super("differs", 1, "");
  }
}

export const diff: Command = {
  operands: "[a [b]] [-- file...]",
  flags: [
    stat,
    flags.json,
    markdown,
    values,
    force,
    exitCode,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "Shows what changed in encrypted files between two commits, or between a commit (HEAD by default) and the",
    "work tree: which values, recipients and settings were added, removed or changed, and whether the data key was rotated. Needs no",
    "key: a value that did not change keeps its nonce. Values are shown only with --values.",
  ],
  examples: [
    { does: "show what is not committed yet", line: "sopsmith diff" },
    {
      does: "show what a branch changes, for a review comment",
      line: "sopsmith diff --markdown origin/main...HEAD",
    },
    {
      does: "show one file since a tag, with its values",
      line: "sopsmith diff --values v1.0 -- secrets.yaml",
    },
  ],
  async run(call) {
    const { host, options, streams } = call;
    const chosen = (
      [
        ["stat", stat],
        ["json", flags.json],
        ["markdown", markdown],
      ] as const
    ).filter(([, flag]) => options.on(flag));
    if (chosen.length > 1)
      throw new UsageError("--stat, --json and --markdown cannot be used together");
    const withValues = options.on(values);
    if (withValues && !options.on(force) && !isatty(1))
      throw new SopsmithError(
        "no-terminal",
        1,
        "--values shows secrets, but the output is not a terminal",
        {
          hint: "Use --force to write them there anyway.",
        },
      );
    const root = await topLevel(host);
    const sides = await parseSides(call);
    const pairs: Pair[] = [];
    for await (const { file, before, after } of versionsOf(host, root, sides)) {
      const [old, now] = [await subjectOf(call, file, before), await subjectOf(call, file, after)];
      if ([old, now].some(isOfInterest)) pairs.push({ file, before: old, after: now });
    }
    const shown = new Map<ValueChange, string>();
    const found: FileDifference[] = [];
    for (const { file, before, after } of withMoves(pairs)) {
      const difference = compareOne(file, before, after);
      if (difference === undefined) continue;
      found.push(
        withValues && before !== undefined && after !== undefined
          ? await withPlain(call, join(root, file), difference, { before, after }, shown)
          : difference,
      );
    }
    const format = chosen[0]?.[0] ?? "";
    const report = diffReports[format];
    const show = withValues ? (change: ValueChange) => shown.get(change) ?? "" : undefined;
    const told = format === "json" ? found : withNames(found, await namesInForce(call));
    await streams.writeStdout(report(told, show));
    if (options.on(exitCode) && found.length > 0) throw new Differs();
  },
};

/** Recipients by their names, for people. */
const withNames = (files: readonly FileDifference[], names: KeyNames): FileDifference[] =>
  files.map((file) => {
    const { added, removed } = file.recipients;
    const shown = (ids: readonly string[]) => ids.map((id) => names.inText(id));
    return {
      ...file,
      recipients: { ...file.recipients, added: shown(added), removed: shown(removed) },
    };
  });

interface Pair {
  readonly file: string;
  readonly before: Subject | undefined;
  readonly after: Subject | undefined;
}

const isOfInterest = (subject: Subject | undefined): boolean =>
  subject !== undefined &&
  (subject.sealed?.metadata !== undefined ||
    subject.sealed?.flaw !== undefined ||
    subject.broken !== undefined ||
    subject.conflict.length > 0);

function subjectOf(
  { host }: Call,
  file: string,
  content: Uint8Array | undefined,
): Promise<Subject> | undefined {
  if (content === undefined) return undefined;
  const about = { rule: undefined, policy: noPolicy, now: host.now() };
  return readSubject({ file, content, isConfig: false, ...about });
}

/** A file that is gone and a new one with most of its nonces are one that was moved. */
function withMoves(pairs: readonly Pair[]): Pair[] {
  const gone = pairs.filter(({ after }) => after === undefined);
  const taken = new Set<Pair>();
  const moved = pairs.map((pair) => {
    const now = pair.after?.sealed;
    if (pair.before !== undefined || now === undefined) return pair;
    const nonces = noncesIn(now.documents);
    const origin = gone.find((other) => {
      const old = noncesIn(other.before?.sealed?.documents ?? []);
      const common = [...old.keys()].filter((iv) => nonces.has(iv)).length;
      return !taken.has(other) && common > 0 && common * 2 >= Math.max(old.size, nonces.size);
    });
    if (origin === undefined) return pair;
    taken.add(origin);
    return { ...pair, before: origin.before };
  });
  return moved.filter((pair) => !taken.has(pair));
}

function compareOne(
  file: string,
  before: Subject | undefined,
  after: Subject | undefined,
): FileDifference | undefined {
  try {
    return compareFiles(file, before, after);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    const none = { tree: undefined, recipients: { added: [], removed: [] }, settings: [] };
    return { file, movedFrom: undefined, state: "unreadable", reason: error.message, ...none };
  }
}

/** The same with what the values were and are; without where a version cannot be decrypted, with a warning. */
async function withPlain(
  call: Call,
  path: string,
  difference: FileDifference,
  { before, after }: { readonly before: Subject; readonly after: Subject },
  shown: Map<ValueChange, string>,
): Promise<FileDifference> {
  if (difference.tree === undefined) return difference;
  const services = await keyServices(call);
  const open = (subject: Subject) =>
    decryptDocuments(
      subject.content,
      {
        file: subject.file,
        input: subject.format,
        output: subject.format,
        indent: undefined,
        order: openOrder(call),
        services,
        ignoreMac: false,
        audit: (action) => call.host.audit?.(action, path) ?? Promise.resolve(),
        warn: () => undefined,
      },
      call.host,
    );
  try {
    const { changes } = compareTrees(await open(before), await open(after));
    for (const change of changes)
      shown.set(change, `${shownLeaf(change.before)} → ${shownLeaf(change.after)}`);
    return { ...difference, tree: { ...difference.tree, changes, isAfresh: false } };
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    const [reason = ""] = error.message.split("\n");
    warn(call.streams, `${difference.file}: values are not shown: ${reason}`);
    return difference;
  }
}
