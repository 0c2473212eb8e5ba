import { expect, test } from "vitest";
import { parseBool } from "../../src/go/parse-bool.ts";
import { parseDecimalInt, parseInt64, parseInteger } from "../../src/go/parse-int.ts";

test.each([
  ["0", 0n],
  ["-0", 0n],
  ["+17", 17n],
  ["017", 15n],
  ["0o17", 15n],
  ["0O17", 15n],
  ["0x1F", 31n],
  ["0b11", 3n],
  ["1_000", 1000n],
  ["0x_1", 1n],
  ["0_7", 7n],
  ["00", 0n],
  ["0".repeat(200), 0n],
  [`0x${"0".repeat(200)}f`, 15n],
  ["9223372036854775807", 2n ** 63n - 1n],
  ["-9223372036854775808", -(2n ** 63n)],
])("reads the integer %s as Go does", (text, value) => {
  expect(parseInt64(text)).toBe(value);
  expect(parseInteger(text)).toBe(value);
});

test.each([
  "",
  "+",
  "_1",
  "1_",
  "1__0",
  "08",
  "0o8",
  "0x",
  "0b2",
  "1.0",
  "1e3",
  " 1",
  "--1",
  "0o-7",
])("refuses %j as an integer", (text) => {
  expect(parseInt64(text)).toBeUndefined();
  expect(parseInteger(text)).toBeUndefined();
});

test("only an integer without a sign may need all 64 bits", () => {
  expect(parseInt64("18446744073709551615")).toBeUndefined();
  expect(parseInteger("18446744073709551615")).toBe(2n ** 64n - 1n);
  expect(parseInteger("0xFFFFFFFFFFFFFFFF")).toBe(2n ** 64n - 1n);
  expect(parseInteger("+9223372036854775808")).toBeUndefined();
  expect(parseInteger("18446744073709551616")).toBeUndefined();
  expect(parseInteger("-9223372036854775809")).toBeUndefined();
});

test("a decimal integer has neither prefix nor underscores", () => {
  expect(parseDecimalInt("017")).toBe(17n);
  expect(parseDecimalInt("+1")).toBe(1n);
  for (const text of ["0x1", "1_000", "", "1.0", "9223372036854775808"])
    expect(parseDecimalInt(text)).toBeUndefined();
});

test("booleans have six spellings each", () => {
  for (const text of ["1", "t", "T", "TRUE", "true", "True"]) expect(parseBool(text)).toBe(true);
  for (const text of ["0", "f", "F", "FALSE", "false", "False"])
    expect(parseBool(text)).toBe(false);
  for (const text of ["", "yes", "tRue", "on", "2", " true"])
    expect(parseBool(text)).toBeUndefined();
});
