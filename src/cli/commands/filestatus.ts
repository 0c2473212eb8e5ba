import { join } from "node:path";
import type { FormatName } from "../../../formats/format.ts";
import { formatForPath, formatNamed } from "../../../formats/index.ts";
import { isMeantByRule } from "../../config/match.ts";
import { ConflictError, SopsmithError } from "../../errors.ts";
import { keysDueForRotation } from "../../keys/rotation.ts";
import { fileStatus, inClear, sealedFormat, type FileStatus } from "../../status.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { git, runGit } from "../git.ts";
import { rotationAdvice } from "../key-difference.ts";
import { runFiles, severalFiles } from "../many.ts";
import { readConfig } from "../call-cache.ts";
import { fileOperands, noFile, readSource, sourceOf, type Source } from "../source.ts";
import { openStores } from "../formats.ts";
import { warn } from "../warn.ts";

/** `--check` found files in clear. Exit 10. */
class NotEncrypted extends SopsmithError {
  constructor(files: readonly string[]) {
    super("not-encrypted", 10, files.map((file) => `${file} is not encrypted`).join("\n"), {
      hint: "Encrypt with `sopsmith encrypt -i FILE`.",
    });
  }
}

export const filestatus: Command = {
  operands: "file...",
  flags: [flags.check, flags.staged, flags.recursive, flags.inputType, flags.json],
  notes: [
    `Prints {"encrypted":true} or {"encrypted":false}; for several files, or with --json, {"file":"…","encrypted":true}. No key is needed.`,
    `Keys that are due for rotation are named on stderr; with --json in a field "rotationDue" of their file.`,
  ],
  examples: [
    { does: "ask whether a file is encrypted", line: "sopsmith filestatus secrets.yaml" },
    {
      does: "fail when a file is in clear",
      line: "sopsmith filestatus --check secrets/*.yaml",
    },
    {
      does: "refuse a commit with secrets in clear, as .git/hooks/pre-commit",
      line: "sopsmith filestatus --check --staged '*.secret.yaml'",
    },
    { does: "list the encrypted files here", line: "sopsmith filestatus --recursive ." },
  ],
  async run(call) {
    if (call.options.on(flags.staged)) return reportStaged(call);
    const operands = fileOperands(call);
    const [operand] = operands;
    if (operand === undefined) throw noFile("Error: no file specified");
    const several = await severalFiles(call, operands, { wanted: "any", target: "none" });
    const plain: string[] = [];
    const report = async (file: string, status: FileStatus, isNamed: boolean) => {
      if (!status.encrypted) plain.push(file);
      await reportFile(call, file, status, isNamed);
    };
    if (several === undefined) {
      const status = await statusOf(call, sourceOf(call, operand));
      await report(operand, status, call.options.on(flags.json));
    } else {
      const { files } = several;
      const results: (FileStatus | undefined)[] = [];
      const tell = async () => {
        for (const [index, status] of results.entries())
          if (status !== undefined) await report(files[index]?.file ?? "", status, true);
      };
      const how = { done: "looked at", isQuiet: true };
      try {
        await runFiles(call, several, how, async (one, { file, isFound }, index) => {
          results[index] = await statusOf(one, sourceOf(one, file), isFound);
          return { file, commit: () => Promise.resolve() };
        });
      } finally {
        await tell();
      }
    }
    refuseInClear(call, plain);
  },
};

/** @param isNamed the line holds the file's name, which sops's does not */
async function reportFile(
  { options, streams, host }: Call,
  file: string,
  { encrypted, keys }: FileStatus,
  isNamed: boolean,
): Promise<void> {
  const due = keysDueForRotation(keys, host.now());
  const isJson = options.on(flags.json);
  if (!isJson) for (const key of due) warn(streams, rotationAdvice(file, key));
  const line = {
    ...(isNamed ? { file } : {}),
    encrypted,
    ...(isJson && due.length > 0
      ? { rotationDue: due.map(({ id, since }) => ({ key: id, since })) }
      : {}),
  };
  await streams.writeStdout([`${JSON.stringify(line)}\n`]);
}

function refuseInClear({ options }: Call, files: readonly string[]): void {
  if (options.on(flags.check) && files.length > 0) throw new NotEncrypted(files);
}

/** The index, not the working tree: what a commit would hold. */
async function reportStaged(call: Call): Promise<void> {
  const { operands, host, options } = call;
  if (options.on(flags.recursive))
    throw new ConflictError("Error: --staged takes Git's path patterns, not --recursive");
  const config = await readConfig(call);
  if (operands.length === 0 && config?.content.creationRules === undefined)
    throw noFile(
      "Error: no file specified, and no creation rules that could tell which to look at",
    );
  const root = (await git(call, ["rev-parse", "--show-toplevel"])).replace(/\n$/, "");
  // Names count from the top of the repository; added, copied, changed and renamed files have content to look at.
  const list = [
    "diff",
    "--cached",
    "--name-only",
    "-z",
    "--no-renames",
    "--diff-filter=ACMT",
    "--",
  ];
  const names = (await git(call, [...list, ...operands])).split("\0").filter((name) => name !== "");
  const plain: string[] = [];
  for (const name of names) {
    const isMeant =
      operands.length > 0 ||
      (config !== undefined &&
        (await isMeantByRule(config.content, config.path, join(root, name), host)));
    if (!isMeant) continue;
    const { status, stdout } = await runGit(call, ["cat-file", "blob", `:${name}`]);
    // A submodule or a link to elsewhere has no content of its own.
    if (status !== 0) continue;
    const input = formatNamed(options.text(flags.inputType));
    const found = await statusOfContent(stdout, name, input);
    if (!found.encrypted) plain.push(name);
    await reportFile(call, name, found, true);
  }
  refuseInClear(call, plain);
}

async function statusOfContent(
  content: Uint8Array,
  file: string,
  input: FormatName | undefined,
): Promise<FileStatus> {
  const format = input ?? (await sealedFormat(content, formatForPath(file)));
  return format === undefined ? inClear : fileStatus(content, { file, input: format });
}

/** @param isFound whatever is no encrypted file is in clear, also what cannot be parsed */
async function statusOf(call: Call, source: Source, isFound = false): Promise<FileStatus> {
  const { verb } = await openStores(call, source);
  const content = await readSource(call, source).catch((error: unknown) => {
    if (!(error instanceof SopsmithError)) throw error;
    const message = `cannot check file status: cannot load encrypted file: ${error.message}`;
    throw new SopsmithError(error.code, 1, message, { hint: error.hint, cause: error });
  });
  const isTyped = call.options.text(flags.inputType) !== "";
  if (!isTyped && (isFound || call.options.on(flags.check)))
    return statusOfContent(content, source.file, undefined);
  return fileStatus(content, { file: source.file, input: verb.input });
}
