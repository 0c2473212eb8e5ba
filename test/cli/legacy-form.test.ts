import { describe, expect, test } from "vitest";
import { readArguments } from "../../src/cli/args.ts";
import * as flags from "../../src/cli/flags.ts";
import {
  failureOf,
  planLegacy,
  splitSetArgument,
  type LegacyMode,
} from "../../src/cli/legacy-form.ts";
import { Options } from "../../src/cli/options.ts";
import { SopsmithError } from "../../src/errors.ts";

const known: flags.Flag[] = [
  flags.encryptMode,
  flags.decryptMode,
  flags.rotateMode,
  flags.setMode,
  flags.inPlace,
  flags.output,
  flags.showMasterKeys,
];

function options(words: readonly string[]): Options {
  const result = new Options();
  for (const text of readArguments(words, known, "global").given) {
    const [, name, value] = /^--([^=]*)=(.*)$/s.exec(text) ?? [];
    const flag = known.find(({ names }) => names[0] === name);
    if (flag === undefined || value === undefined) throw new Error(text);
    result.set(flag, value);
  }
  return result;
}

const rows: [words: string, modes: LegacyMode[], writesBack: boolean][] = [
  ["f", ["edit"], true],
  ["-s f", ["edit"], true],
  ["-i f", ["edit"], true],
  ["--output o f", ["edit"], true],
  ["-e f", ["encrypt"], false],
  ["--encrypt f", ["encrypt"], false],
  ["-e -i f", ["encrypt"], true],
  ["-i -e f", ["encrypt"], true],
  ["-e --output o f", ["encrypt"], false],
  ["-d f", ["decrypt"], false],
  ["--decrypt --in-place f", ["decrypt"], true],
  ["-d=false f", ["edit"], true],
  ["-r f", ["rotate"], false],
  ["-r -i f", ["rotate"], true],
  [`--set ["a"] f`, ["set"], true],
  [`--set= f`, ["edit"], true],
  [`--set ["a"] --output o f`, ["set"], true],
  ["-d -e f", ["encrypt", "decrypt"], false],
  ["-r -d -e f", ["encrypt", "decrypt", "rotate"], false],
  [`--set ["a"] -r -d f`, ["decrypt", "rotate", "set"], true],
];

test.each(rows)("%s runs %j, writing back: %s", (words, modes, writesBack) => {
  const plan = planLegacy(options(words.split(" ")));
  expect(plan.modes).toEqual(modes);
  expect(plan.writesBack).toBe(writesBack);
  expect(
    plan.warning?.startsWith(
      "More than one command (--encrypt, --decrypt, --rotate, --set) has been specified.",
    ),
  ).toBe(modes.length > 1 ? true : undefined);
});

test.each(["-e", "-d", "-r"])(
  "%s refuses --in-place together with --output with exit 8",
  (mode) => {
    expect(() => planLegacy(options([mode, "-i", "--output", "o", "f"]))).toThrow(
      expect.objectContaining({
        exitCode: 8,
        message: expect.stringMatching(/^Error: cannot operate on both --output and --in-place/),
      }),
    );
  },
);

describe("when several modes are given, a failure of", () => {
  test.each<[LegacyMode, LegacyMode[], string]>([
    ["encrypt", ["encrypt"], "ends"],
    ["encrypt", ["encrypt", "decrypt"], "dropped"],
    ["encrypt", ["encrypt", "set"], "dropped"],
    ["decrypt", ["decrypt"], "ends"],
    ["decrypt", ["encrypt", "decrypt"], "ends"],
    ["decrypt", ["decrypt", "rotate"], "waits"],
    ["decrypt", ["decrypt", "set"], "dropped"],
    ["decrypt", ["decrypt", "rotate", "set"], "dropped"],
    ["rotate", ["rotate", "set"], "ends"],
    ["set", ["rotate", "set"], "ends"],
    ["edit", ["edit"], "ends"],
  ])("%s in %j: %s", (mode, modes, outcome) => {
    expect(failureOf(mode, modes)).toBe(outcome);
  });
});

test.each([
  [`["a"] 1`, `["a"]`, "1"],
  [`["a"]["b"] {"x": [1]}`, `["a"]["b"]`, `{"x": [1]}`],
  [`["a"]  "x"`, `["a"]`, ` "x"`],
  [`["a"] `, `["a"]`, ""],
  [`["a] b"] 1`, `["a]`, `b"] 1`],
  [`a] b] c`, `a]`, `b] c`],
])("--set %j is path %j and value %j", (argument, path, value) => {
  expect(splitSetArgument(argument)).toEqual({ path, value });
});

test.each([`["a"]`, `["a"]1`, `a 1`, " "])("--set %j is refused with exit 7", (argument) => {
  expect(() => splitSetArgument(argument)).toThrow(SopsmithError);
  expect(() => splitSetArgument(argument)).toThrow(
    expect.objectContaining({ exitCode: 7, message: "Invalid --set format" }),
  );
});
