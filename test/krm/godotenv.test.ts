import { expect, test } from "vitest";
import { parseGodotenv } from "../../src/krm/godotenv.ts";

test.each([
  ["A=1\nB=two words\n", { A: "1", B: "two words" }],
  ["# note\n\n  A = 1 \r\nB=2", { A: "1", B: "2" }],
  ["export A=1\nexported=2\nB: yaml\n", { A: "1", exported: "2", B: "yaml" }],
  ["A=x#y #z # w\nB=#c\nC= # d\n", { A: "x#y #z", B: "#c", C: "# d" }],
  ['A=\'$B \\n # c\'\nB="a\\nb\\t\\"q\\"" # c\n', { A: "$B \\n # c", B: 'a\nbt"q\\' }],
  ['A="first\nsecond"\nB=1\n', { A: "first\nsecond", B: "1" }],
  ["A=1\nB=$A-${A}-$C-\\$A-$(A)-$a\n", { A: "1", B: "1-1--$A-1)-$a" }],
  ["A=\nB=\n", { A: "", B: "" }],
  ["A=1\nA=2\n", { A: "2" }],
  ["A=1 \rB=2\r", { A: "1", B: "2" }],
  ["# a note\rA=1\nB=2", { B: "2" }],
  ["# a note\u2028A=1\n\u2028B=2", { B: "2" }],
  ["A=\u2028\ufeff1\u00a0\nB=x\u00a0# c", { A: "\u2028\ufeff1", B: "x" }],
  ["\ufeffA=1", { A: "1" }],
  ["", {}],
  ["# only a note", {}],
])("reads %j as KSOPS does", (text, expected) => {
  expect(Object.fromEntries(parseGodotenv(text))).toEqual(expected);
});

test.each([
  ["A=1\nhunter2\n", "line 2: a variable without ="],
  ["A-B=hunter2\n", "line 1: a variable's name contains an unusual character"],
  ["A=1\n\ufeffB=hunter2\n", "line 2: a variable's name contains an unusual character"],
  ["\nA='hunter2\n", "line 2: a quoted value without a closing quote"],
])("refuses %j without quoting it", (text, message) => {
  const refused = () => parseGodotenv(text);
  expect(refused).toThrow(message);
  expect(refused).not.toThrow(/hunter2/);
});
