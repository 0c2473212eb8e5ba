import { jsonLine, printableLine } from "../../io/printable.ts";
import { resolve } from "node:path";
import type { FormatName } from "../../../formats/format.ts";
import { formatForPath } from "../../../formats/index.ts";
import type { Problem } from "../../check/rule.ts";
import { ConflictError, SopsmithError } from "../../errors.ts";
import { keysDueForRotation } from "../../keys/rotation.ts";
import { fileStatus, notEncrypted, sealedFormat, type FileStatus } from "../../status.ts";
import { pathText } from "../../tree/path.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import type { GoverningConfigs } from "../governing-configs.ts";
import { runFiles, severalFiles } from "../many.ts";
import { fileOperands, noFile, readSource, sourceOf, type Source } from "../source.ts";
import { chosenFormat, openStores } from "../formats.ts";

/** `--check` found unencrypted files, or unencrypted values in encrypted files. Exit 10. */
class NotEncrypted extends SopsmithError {
  constructor(lines: readonly string[], hint: string) {
    super("not-all-encrypted", 10, lines.join("\n"), { hint });
  }
}

/** What `--check` has against a file: rules SM102 and SM104 of `sopsmith check`. */
type Guarded = FileStatus & { readonly problems: readonly RuledProblem[] };
type RuledProblem = Problem & { readonly rule: string };

export const filestatus: Command = {
  operands: "[file...]",
  flags: [flags.check, flags.staged, flags.recursive, flags.inputType, flags.json],
  notes: [
    `Prints {"encrypted":true} or {"encrypted":false}; for several files, or with --json, {"file":"…","encrypted":true}. No key is needed.`,
    "--check also finds unencrypted values in encrypted files. Without operands it checks all files here that creation rules",
    "name or that are encrypted; with --staged, those of the next commit. sopsmith check finds more.",
    `With --json, the field "rotationDue" of each file lists its keys that are due for rotation.`,
  ],
  examples: [
    { does: "check whether a file is encrypted", line: "sopsmith filestatus secrets.yaml" },
    {
      does: "fail when a file is unencrypted",
      line: "sopsmith filestatus --check secrets/*.yaml",
    },
    {
      does: "refuse a commit with unencrypted secrets, as .git/hooks/pre-commit",
      line: "sopsmith filestatus --check --staged '*.secret.yaml'",
    },
    { does: "list the encrypted files here", line: "sopsmith filestatus --recursive ." },
  ],
  async run(call) {
    const { options } = call;
    const isChecking = options.on(flags.check);
    if (options.on(flags.staged)) return reportStaged(call);
    const operands = fileOperands(call);
    const [operand] = operands;
    if (operand === undefined) {
      if (!isChecking || call.operands.length > 0) throw noFile("Error: no file specified");
      return reportWorkTree(call);
    }
    const guard = new Guard(call);
    const several = await severalFiles(call, operands, { wanted: "any", target: "none" });
    if (several === undefined) {
      const source = sourceOf(call, operand);
      if (isChecking && (await guard.isConfig(source.path))) return;
      await guard.report(operand, await statusOf(call, source, guard), options.on(flags.json));
    } else {
      const { files } = several;
      const results: (Guarded | undefined)[] = [];
      const tell = async () => {
        for (const [index, status] of results.entries())
          if (status !== undefined) await guard.report(files[index]?.file ?? "", status, true);
      };
      const how = { done: "checked", isQuiet: true };
      try {
        await runFiles(call, several, how, async (one, { file, isFound }, index) => {
          const source = sourceOf(one, file);
          if (!isChecking || !(await guard.isConfig(source.path))) {
            const status = await statusOf(one, source, guard, isFound);
            // In a directory only what is encrypted, or ought to be.
            if (!isChecking || !isFound || status.encrypted || (await guard.isNamed(source.path)))
              results[index] = status;
          }
          return { file, commit: () => Promise.resolve() };
        });
      } finally {
        await tell();
      }
    }
    guard.end();
  },
};

/** Gathers what `--check` finds. */
class Guard {
  private readonly call: Call;
  private readonly lines: string[] = [];
  private hasPlainFile = false;
  private loaded: Promise<GoverningConfigs> | undefined;

  constructor(call: Call) {
    this.call = call;
  }

  private get isChecking(): boolean {
    return this.call.options.on(flags.check);
  }

  configs(): Promise<GoverningConfigs> {
    this.loaded ??= import("../governing-configs.ts").then(
      ({ GoverningConfigs }) => new GoverningConfigs(this.call),
    );
    return this.loaded;
  }

  /** @param path absolute */
  async isConfig(path: string): Promise<boolean> {
    return (await this.configs()).isConfig(path);
  }

  /** Does a creation rule with a `path_regex` name the file? */
  async isNamed(path: string): Promise<boolean> {
    const governing = await (await this.configs()).for(path);
    return governing?.rules.for(path)?.isMeant === true;
  }

  /** The status of a content, with what `--check` has against it. */
  async statusOf(
    content: Uint8Array,
    file: string,
    input: FormatName | undefined,
  ): Promise<Guarded> {
    const format = input ?? (await sealedFormat(content, formatForPath(file)));
    const status =
      format === undefined ? notEncrypted : await fileStatus(content, { file, input: format });
    if (!this.isChecking || !status.encrypted) return { ...status, problems: [] };
    const { valueProblems } = await import("../../check/values.ts");
    return { ...status, problems: await valueProblems(file, content, format ?? "") };
  }

  /** @param isNamed the line holds the file's name, which sops's does not */
  async report(file: string, status: Guarded, isNamed: boolean): Promise<void> {
    const { options, streams, host } = this.call;
    const due = keysDueForRotation(status.keys, host.now());
    const isJson = options.on(flags.json);
    if (!status.encrypted) {
      this.lines.push(`${printableLine(file)} is not encrypted`);
      this.hasPlainFile = true;
    }
    for (const { line, message } of status.problems)
      this.lines.push(`${printableLine(file)}:${line}: ${printableLine(message)}`);
    const line = {
      ...(isNamed ? { file } : {}),
      encrypted: status.encrypted,
      ...(isJson && due.length > 0
        ? { rotationDue: due.map(({ id, since }) => ({ key: id, since })) }
        : {}),
      ...(isJson && status.problems.length > 0 ? { problems: status.problems.map(shown) } : {}),
    };
    await streams.writeStdout([jsonLine(line)]);
  }

  /** @throws {NotEncrypted} */
  end(): void {
    if (!this.isChecking || this.lines.length === 0) return;
    throw new NotEncrypted(
      this.lines,
      this.hasPlainFile
        ? "Encrypt with `sopsmith encrypt -i FILE`."
        : "Remove the value and add it again with `sopsmith set`; if it was ever pushed, change it at its source.",
    );
  }
}

const shown = ({ rule, line, column, path, message }: RuledProblem) => ({
  rule,
  line,
  column,
  path: path === undefined ? null : pathText(path),
  message,
});

/** The index, not the working tree: what a commit would hold. */
async function reportStaged(call: Call): Promise<void> {
  const { operands, host, options } = call;
  if (options.on(flags.recursive))
    throw new ConflictError(
      "Error: --staged and --recursive cannot be used together; --staged accepts Git's path patterns",
    );
  const guard = new Guard(call);
  if (operands.length === 0) await refuseWithoutRules(guard);
  const { topLevel } = await import("../../git/git.ts");
  const { stagedFiles } = await import("../../git/files.ts");
  const { readBlobs } = await import("../../git/blobs.ts");
  const root = await topLevel(host);
  const files = await stagedFiles(host, operands);
  const objects = files.map(({ object }) => object);
  let index = 0;
  for await (const content of readBlobs(host, root, objects)) {
    const { name = "" } = files[index++] ?? {};
    if (content !== undefined)
      await reportIfSecret(call, guard, { name, path: resolve(root, name), content });
  }
  guard.end();
}

/** All files here that Git does not ignore and that are encrypted, or ought to be. */
async function reportWorkTree(call: Call): Promise<void> {
  const guard = new Guard(call);
  await refuseWithoutRules(guard);
  const { nameUnread, readWorkTree, refuseUnread } = await import("../check-run.ts");
  const unread: string[] = [];
  for await (const { file, path, content } of readWorkTree(call, unread))
    await reportIfSecret(call, guard, { name: file, path, content });
  nameUnread(call, unread);
  guard.end();
  refuseUnread(unread);
}

/** @throws {SopsmithError} exit 100 where nothing says which files to look at */
async function refuseWithoutRules(guard: Guard): Promise<void> {
  const governing = await (await guard.configs()).here();
  if (governing?.rules.config.creationRules === undefined)
    throw noFile("Error: no file specified, and no creation rules that say which files to check");
}

/** Reports a file that nobody named, if a creation rule names it, or it is encrypted. */
async function reportIfSecret(
  { operands, options }: Call,
  guard: Guard,
  { name, path, content }: { name: string; path: string; content: Uint8Array },
): Promise<void> {
  if (options.on(flags.check) && (await guard.isConfig(path))) return;
  const input = chosenFormat(options, flags.inputType);
  const isNamed = operands.length > 0 || (await guard.isNamed(path));
  if (!isNamed && (await sealedFormat(content, formatForPath(name))) === undefined) return;
  await guard.report(name, await guard.statusOf(content, name, input), true);
}

/** @param isFound whatever is no encrypted file is unencrypted, also what cannot be parsed */
async function statusOf(
  call: Call,
  source: Source,
  guard: Guard,
  isFound = false,
): Promise<Guarded> {
  // Where no flag says it, the content does, of files that were found and in a check: then only the settings are wanted.
  const byContent =
    call.options.text(flags.inputType) === "" && (isFound || call.options.on(flags.check));
  const { verb } = await openStores(call, source, byContent ? "plain" : "sealed");
  const content = await readSource(call, source).catch((error: unknown) => {
    if (!(error instanceof SopsmithError)) throw error;
    const message = `cannot check file status: cannot load encrypted file: ${error.message}`;
    throw new SopsmithError(error.code, 1, message, { hint: error.hint, cause: error });
  });
  return guard.statusOf(content, source.file, byContent ? undefined : verb.input);
}
