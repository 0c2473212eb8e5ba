import { describe, expect, test } from "vitest";
import { environmentArguments, readArguments, UsageError } from "../../src/cli/args.ts";
import type { Flag } from "../../src/cli/flags.ts";
import { Options } from "../../src/cli/options.ts";

const flags: Flag[] = [
  { kind: "text", names: ["age", "a"], env: "AGE", about: "" },
  { kind: "text", names: ["output"], about: "" },
  { kind: "bool", names: ["in-place", "i"], about: "" },
  { kind: "bool", names: ["decrypt", "d"], about: "" },
  { kind: "bool", names: ["local"], on: true, env: "LOCAL", about: "" },
  { kind: "int", names: ["indent"], env: "INDENT", about: "" },
];

/** Words of a command line, and what they mean: flags, then operands. */
type Row = [words: string[], given: string[], operands: string[]];

const anywhere: Row[] = [
  [[], [], []],
  [["-age", "X"], ["--age=X"], []],
  [["--age", "X"], ["--age=X"], []],
  [["--a=X"], ["--age=X"], []],
  [["-a=X"], ["--age=X"], []],
  [["-a", "X"], ["--age=X"], []],
  [["-a="], ["--age="], []],
  [["-a", ""], ["--age="], []],
  [["-a=b=c"], ["--age=b=c"], []],
  [["--age", "-i"], ["--age=-i"], []],
  [["--age", "--"], ["--age=--"], []],
  [["-i"], ["--in-place=true"], []],
  [["--i"], ["--in-place=true"], []],
  [["-in-place"], ["--in-place=true"], []],
  [["--in-place=false"], ["--in-place=false"], []],
  [["-i=F"], ["--in-place=false"], []],
  [["-i=0"], ["--in-place=false"], []],
  [["-i=False"], ["--in-place=false"], []],
  [["-i=FALSE"], ["--in-place=false"], []],
  [["-i=1"], ["--in-place=true"], []],
  [["-i=t"], ["--in-place=true"], []],
  [["-i=T"], ["--in-place=true"], []],
  [["-i=TRUE"], ["--in-place=true"], []],
  [["-i=True"], ["--in-place=true"], []],
  [["-i", "-i"], ["--in-place=true", "--in-place=true"], []],
  [["--age", "X", "--age", "Y"], ["--age=X", "--age=Y"], []],
  [["--indent", "10"], ["--indent=10"], []],
  [["--indent", "-1"], ["--indent=-1"], []],
  [["--indent", "+3"], ["--indent=3"], []],
  [["--indent", "-0"], ["--indent=0"], []],
  [["--indent=0x10"], ["--indent=16"], []],
  [["--indent=-0XfF"], ["--indent=-255"], []],
  [["--indent=010"], ["--indent=8"], []],
  [["--indent=0o17"], ["--indent=15"], []],
  [["--indent=0b101"], ["--indent=5"], []],
  [["--indent=1_000"], ["--indent=1000"], []],
  [["--indent=0x_f"], ["--indent=15"], []],
  [["--indent=0_7"], ["--indent=7"], []],
  [["-"], [], ["-"]],
  [[""], [], [""]],
  [["--", "-i"], [], ["-i"]],
  [["--", "--"], [], ["--"]],
  [["-i", "--", "--age", "X"], ["--in-place=true"], ["--age", "X"]],
  [["f.yaml"], [], ["f.yaml"]],
  [["-i", "f.yaml"], ["--in-place=true"], ["f.yaml"]],
  [["-i", "true", "f"], ["--in-place=true"], ["true", "f"]],
];

test.each(anywhere)("reads %j the same before a command and after it", (words, given, operands) => {
  for (const where of ["global", "command"] as const)
    expect(readArguments(words, flags, where)).toMatchObject({ given, operands });
});

describe("at the global level", () => {
  const rows: Row[] = [
    [["f", "--output", "o"], [], ["f", "--output", "o"]],
    [["-d", "f", "-i"], ["--decrypt=true"], ["f", "-i"]],
    [["-", "-i"], [], ["-", "-i"]],
    [["f", "--"], [], ["f", "--"]],
    [["f", "--nope"], [], ["f", "--nope"]],
  ];
  test.each(rows)("%j: the first operand ends the flags", (words, given, operands) => {
    expect(readArguments(words, flags, "global")).toEqual({ given, operands });
  });
});

describe("at the command level", () => {
  const rows: Row[] = [
    [["f", "--output", "o"], ["--output=o"], ["f"]],
    [["f", "-i"], ["--in-place=true"], ["f"]],
    [["a", "-i", "b"], ["--in-place=true"], ["a", "b"]],
    [["a", "--output=o", "b"], ["--output=o"], ["a", "b"]],
    [["f", `["s"]`, "-i", `"v"`], ["--in-place=true"], ["f", `["s"]`, `"v"`]],
    [["f", `["i"]`, "-5"], [], ["f", `["i"]`, "-5"]],
    [["f", "--nope"], [], ["f", "--nope"]],
    [["f", "--nope", "-i"], ["--in-place=true"], ["f", "--nope"]],
    [["f", "---"], [], ["f", "---"]],
    [["f", "--", "-i"], [], ["f", "-i"]],
    [["-", "-i"], ["--in-place=true"], ["-"]],
    [["help"], [], ["help"]],
  ];
  test.each(rows)("%j: known flags may come after operands", (words, given, operands) => {
    expect(readArguments(words, flags, "command")).toMatchObject({ given, operands });
  });
});

test.each([
  [["--nope"], "nope"],
  [["-nope"], "nope"],
  [["--nope=secret"], "nope"],
  [["-di", "f"], "di"],
  [["-i", "--nope", "--in-place=maybe"], "nope"],
])("%j names the first unknown flag, without its value", (words, unknown) => {
  for (const where of ["global", "command"] as const)
    expect(readArguments(words, flags, where).unknown).toBe(unknown);
});

test.each([
  [["--age"], "flag needs an argument: -age"],
  [["-i", "-a"], "flag needs an argument: -a"],
  [["f", "--output"], "flag needs an argument: -output"],
  [["--in-place=maybe"], "invalid boolean value for -in-place"],
  [["--i="], "invalid boolean value for -i"],
  [["--in-place=yes"], "invalid boolean value for -in-place"],
  [["--in-place=tRUE"], "invalid boolean value for -in-place"],
  [["--indent", "x"], "invalid value for flag -indent"],
  [["--indent="], "invalid value for flag -indent"],
  [["--indent=1.5"], "invalid value for flag -indent"],
  [["--indent=08"], "invalid value for flag -indent"],
  [["--indent=1__0"], "invalid value for flag -indent"],
  [["--indent=_1"], "invalid value for flag -indent"],
  [["--indent= 1"], "invalid value for flag -indent"],
  [["--indent=99999999999999999999"], "invalid value for flag -indent"],
  [["-d", "--decrypt"], "Cannot use two forms of the same flag: d decrypt"],
  [["--decrypt", "-d"], "Cannot use two forms of the same flag: d decrypt"],
  [["--age", "X", "-a=Y"], "Cannot use two forms of the same flag: a age"],
  [["--=x"], "bad flag syntax: --=x"],
  [["-="], "bad flag syntax: -="],
  [["---age"], "bad flag syntax: ---age"],
])("%j is refused: %s", (words, message) => {
  const read = (): unknown => readArguments(words, flags, "command").given;
  if (words[0] === "f") expect(readArguments(words, flags, "global").operands).toEqual(words);
  else expect(() => readArguments(words, flags, "global")).toThrow(message);
  expect(read).toThrow(UsageError);
  expect(read).toThrow(message);
});

test("an error never repeats the value of a flag", () => {
  expect(() => readArguments(["--indent", "hunter2"], flags, "command")).not.toThrow(/hunter2/);
  expect(() => readArguments(["--in-place=hunter2"], flags, "command")).not.toThrow(/hunter2/);
});

test.each([
  [{}, []],
  [{ AGE: "X" }, ["--age=X"]],
  [{ AGE: "" }, ["--age="]],
  [{ LOCAL: "" }, ["--local=false"]],
  [{ LOCAL: "0" }, ["--local=false"]],
  [{ LOCAL: "True" }, ["--local=true"]],
  [{ a: "X", age: "Y" }, []],
])("the environment %j supplies %j", (env, given) => {
  expect(environmentArguments(flags, env)).toEqual(given);
});

test("a variable that is not a boolean is refused by its name, without its text", () => {
  expect(() => environmentArguments(flags, { LOCAL: "yes" })).toThrow(
    "could not parse LOCAL as bool value for flag local",
  );
  expect(() => environmentArguments(flags, { LOCAL: "yes" })).not.toThrow(/yes/);
});

describe("list flags", () => {
  const services: Flag = { kind: "list", names: ["keyservice"], env: "SERVICES", about: "" };

  test("add a value each time, and are not split at commas", () => {
    const { given } = readArguments(
      ["--keyservice", "a,b", "f", "--keyservice=c"],
      [services],
      "command",
    );
    expect(given).toEqual(["--keyservice=a,b", "--keyservice=c"]);
    const options = new Options();
    for (const word of given) options.set(services, word.slice("--keyservice=".length));
    expect(options.list(services)).toEqual(["a,b", "c"]);
    expect(new Options().list(services)).toEqual([]);
  });

  test("take the parts of their variable, unless one is given", () => {
    const env = { SERVICES: "a, b" };
    expect(environmentArguments([services], env)).toEqual(["--keyservice=a", "--keyservice=b"]);
    expect(environmentArguments([services], env, ["--keyservice=c"])).toEqual([]);
    expect(environmentArguments([services], { SERVICES: "" })).toEqual([]);
  });
});
