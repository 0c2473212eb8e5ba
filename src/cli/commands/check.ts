import type { Rule } from "../../check/rule.ts";
import { rules } from "../../check/rules/index.ts";
import { reports } from "../../check/reports/index.ts";
import { SopsmithError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { UsageError } from "../args.ts";
import {
  checkRange,
  checkStaged,
  checkStdin,
  checkWorkTree,
  nameUnread,
  refuseUnread,
  type Checked,
} from "../check-run.ts";
import type { Call, Command } from "../command.ts";
import type * as flags from "../flags.ts";

/** Something is wrong with the files. Exit 10. */
class CheckFailed extends SopsmithError {
  constructor(summary: string) {
    super("check-failed", 10, summary);
  }
}

const staged: flags.BoolFlag = {
  kind: "bool",
  names: ["staged"],
  about: "check what is staged for the next commit; operands are then Git path patterns",
};
const range: flags.TextFlag = {
  kind: "text",
  names: ["range"],
  value: "A..B",
  about:
    "check every version of every file in these commits, even one that a later commit removes; operands are then Git path patterns",
};
const stdinFilename: flags.TextFlag = {
  kind: "text",
  names: ["stdin-filename"],
  value: "FILE",
  about: "check stdin as if it were this file, which need not exist; for editors",
};
const onlyRules: flags.TextFlag = {
  kind: "text",
  names: ["rules"],
  value: "SM…",
  about: "apply only these rules, separated by commas; SM3 means every rule that begins with SM3",
};
const format: flags.TextFlag = {
  kind: "text",
  names: ["format"],
  about: `report format: ${[...reports.keys()].join(", ")}; default: text`,
};
const strict: flags.BoolFlag = {
  kind: "bool",
  names: ["strict"],
  about: "exit with status 10 for warnings too",
};

export const check: Command = {
  operands: "[path...]",
  flags: [staged, range, stdinFilename, onlyRules, format, strict],
  notes: [
    "Finds problems with encrypted files, without a key and without the network: unencrypted secrets, broken ciphertexts,",
    "recipients that do not match .sops.yaml, private keys. Checks the given paths, or everything here that Git does not",
    "ignore. Exits with status 10 when there is an error. No value is ever shown.",
    `The rules are ${rules[0]?.id} to ${rules.at(-1)?.id}; docs/rules has a page for each. The "check" section of .sops.yaml says which`,
    "findings to ignore and what else to require. Each finding says what to do. Nothing is changed: a fix needs a key or a decision.",
  ],
  examples: [
    { does: "check everything here", line: "sopsmith check" },
    { does: "check the next commit, as .git/hooks/pre-commit", line: "sopsmith check --staged" },
    {
      does: "check every commit of a branch, in CI",
      line: "sopsmith check --range origin/main..HEAD --format github",
    },
    {
      does: "write a report for code scanning",
      line: "sopsmith check --format sarif > sopsmith.sarif",
    },
  ],
  async run(call) {
    const word = call.options.text(format) || "text";
    const report = reports.get(word);
    if (report === undefined)
      throw new UsageError(
        `--format must be one of ${[...reports.keys()].join(", ")}, not ${JSON.stringify(word)}`,
      );
    const checked = await checkedBy(call, rulesNamed(call.options.text(onlyRules)));
    const { findings, files, unread } = checked;
    await call.streams.writeStdout(report({ findings, files, version: VERSION }));
    nameUnread(call, unread);
    const errors = findings.filter(({ severity }) => severity === "error").length;
    const warnings = findings.length - errors;
    const summary = `${counted(errors, "error")}, ${counted(warnings, "warning")} in ${counted(files, "file")}`;
    if (errors > 0 || (warnings > 0 && call.options.on(strict))) throw new CheckFailed(summary);
    refuseUnread(unread);
    if (word === "text") call.streams.writeStderr(`${summary}\n`);
  },
};

/** @throws {UsageError} for a word that is the beginning of no rule */
function rulesNamed(text: string): readonly Rule[] {
  if (text === "") return rules;
  const words = text.split(",").map((word) => word.trim().toUpperCase());
  const stray = words.find((word) => word === "" || !rules.some(({ id }) => id.startsWith(word)));
  if (stray !== undefined)
    throw new UsageError(
      `--rules needs rules such as ${rules[0]?.id}, separated by commas, not ${JSON.stringify(stray)}`,
    );
  return rules.filter(({ id }) => words.some((word) => id.startsWith(word)));
}

function checkedBy(call: Call, wanted: readonly Rule[]): Promise<Checked> {
  const { options, operands } = call;
  const [first, second] = [staged, range, stdinFilename].filter((flag) =>
    flag.kind === "bool" ? options.on(flag) : options.text(flag) !== "",
  );
  if (first !== undefined && second !== undefined)
    throw new UsageError(`--${first.names[0]} and --${second.names[0]} cannot be used together`);
  switch (first) {
    case staged:
      return checkStaged(call, wanted);
    case range:
      return checkRange(call, options.text(range), wanted);
    case stdinFilename:
      if (operands.length > 0)
        throw new UsageError("--stdin-filename and paths cannot be used together");
      return checkStdin(call, options.text(stdinFilename), wanted);
    default:
      return checkWorkTree(call, wanted);
  }
}

const counted = (count: number, noun: string): string =>
  count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
