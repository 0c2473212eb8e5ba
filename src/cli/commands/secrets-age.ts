import { keyPath } from "../../check/key-path.ts";
import { SopsmithError } from "../../errors.ts";
import { jsonLine, printableLine } from "../../io/printable.ts";
import { History, type Since, type Value } from "../../people/history.ts";
import { pathText } from "../../tree/path.ts";
import { UsageError } from "../args.ts";
import type { Command } from "../command.ts";
import * as flags from "../flags.ts";
import { secretFiles, warnOfReach } from "../secret-files.ts";
import { table } from "../../people/table.ts";

/** Values are older than `--max` allows. Exit 10. */
class TooOld extends SopsmithError {
  constructor(count: number, all: number, days: number) {
    super(
      "too-old",
      10,
      `${count} of ${all} ${all === 1 ? "value" : "values"} last changed more than ${days} days ago`,
      { hint: "Change them at their source, then here with `sopsmith set` or `sopsmith edit`." },
    );
  }
}

const max: flags.TextFlag = {
  kind: "text",
  names: ["max"],
  value: "days",
  about: "exit with status 10 when a value last changed more than this many days ago, such as 180d",
};

const exact: flags.BoolFlag = {
  kind: "bool",
  names: ["exact"],
  about:
    "compare the values themselves too, for files that were decrypted and encrypted again; needs a key that opens old versions too",
};

const DAY = 86_400_000;

export const secretsAge: Command = {
  operands: "[path...]",
  flags: [max, exact, flags.json, flags.decryptionOrder, ...flags.keyServices],
  notes: [
    "Shows when each encrypted value last changed, in which commit, and who changed it, oldest first. Checks the given files,",
    "or all encrypted files here. Needs no key: a value that does not change keeps its nonce, even when keys are added or",
    "the data key is rotated. A file that was decrypted and encrypted again has new nonces: its values look newer than they are.",
    "--exact, which needs a key, compares the values of all versions that it can open; they are neither kept nor shown.",
  ],
  examples: [
    { does: "list the values here by age", line: "sopsmith secrets age" },
    {
      does: "fail in CI for values older than half a year",
      line: "sopsmith secrets age --max 180d",
    },
  ],
  async run(call) {
    const { options, streams, host } = call;
    const limit = parseDays(options.text(max));
    const { files, root } = await secretFiles(call);
    const open = options.on(exact)
      ? await (await import("../version-opener.ts")).versionOpener(call)
      : undefined;
    const history = await History.of(host, root, files, [], open?.digests);
    open?.tell();
    if (files.length > 0) warnOfReach(call, history);
    const now = host.now().getTime();
    const values = files
      .flatMap((file) => history.values(file).map((value) => ({ file: file.file, ...value })))
      .map((value) => {
        const age = now - value.since.at.getTime();
        return { ...value, age, isTooOld: limit !== undefined && age > limit * DAY };
      })
      .toSorted((a, b) => b.age - a.age);
    const tooOld = values.filter(({ isTooOld }) => isTooOld).length;
    if (options.on(flags.json))
      await streams.writeStdout(values.map((value) => jsonLine(record(value))));
    else if (values.length > 0) {
      const [head = "", ...lines] = table([
        ["AGE", "CHANGED", "COMMIT", "AUTHOR", "VALUE"],
        ...values.map(cells),
      ]);
      const red = (line: string, index: number) =>
        streams.colorStdout && values[index]?.isTooOld === true
          ? `\u001b[31m${line}\u001b[0m`
          : line;
      await streams.writeStdout([head, ...lines.map(red)].map((line) => `${line}\n`));
    }
    if (limit !== undefined && tooOld > 0) throw new TooOld(tooOld, values.length, limit);
    if (files.length === 0) streams.writeStderr("no encrypted files found\n");
  },
};

interface Aged extends Value {
  readonly file: string;
  /** In milliseconds. */
  readonly age: number;
  readonly isTooOld: boolean;
}

/** A value changed in the future, by a clock that is wrong, is new. */
const daysOf = ({ age }: Aged): number => Math.max(0, Math.floor(age / DAY));

function cells(value: Aged): string[] {
  const { file, path, line, since } = value;
  return [
    `${since.isAtLeast ? "≥ " : ""}${daysOf(value)} d`,
    dateOf(since),
    since.commit?.name.slice(0, 8) ?? "-",
    since.commit === undefined ? "not committed" : printableLine(since.commit.author),
    printableLine(`${file}:${line}: ${keyPath(path)}`),
  ];
}

/** In UTC, so that one history reads the same everywhere. */
export const dateOf = ({ at }: Since): string => at.toISOString().slice(0, 10);

function record(value: Aged): Readonly<Record<string, unknown>> {
  const { file, path, line, since, isTooOld } = value;
  return {
    file,
    line,
    path: pathText(path),
    days: daysOf(value),
    changed: since.at.toISOString(),
    isAtLeast: since.isAtLeast,
    commit: since.commit?.name ?? null,
    author: since.commit?.author ?? null,
    isTooOld,
  };
}

/**
 * `180d`, or a number of days; undefined for "".
 *
 * @throws {UsageError}
 */
function parseDays(text: string): number | undefined {
  if (text === "") return undefined;
  const [, digits] = /^([0-9]{1,6})d?$/.exec(text) ?? [];
  if (digits === undefined)
    throw new UsageError(
      `--max must be a number of days such as 180d, not ${JSON.stringify(text)}`,
    );
  return Number(digits);
}
