import { expect, test } from "vitest";
import { parseSetValue } from "../../src/cli/set-value.ts";
import type { Node } from "../../src/tree/node.ts";

/** The value without source positions. */
function bare(node: Node): unknown {
  if (node.kind === "seq") return node.items.map(bare);
  if (node.kind === "map")
    return node.items.map((item) =>
      item.kind === "entry" ? [item.key, bare(item.value)] : item.kind,
    );
  if (node.kind === "int") return ["int", String(node.value)];
  return "value" in node ? [node.kind, node.value] : node.kind;
}

test.each<[string, unknown]>([
  [`"x"`, ["str", "x"]],
  [`""`, ["str", ""]],
  [` "x"\n`, ["str", "x"]],
  [`"\\u00e9"`, ["str", "é"]],
  ["true", ["bool", true]],
  ["false", ["bool", false]],
  ["null", "null"],
  ["1", ["float", 1]],
  ["0", ["float", 0]],
  ["-0", ["float", -0]],
  ["-5", ["float", -5]],
  ["1.5", ["float", 1.5]],
  ["1e3", ["float", 1000]],
  ["9007199254740992", ["float", 9007199254740992]],
  ["9007199254740993", ["int", "9007199254740993"]],
  ["9223372036854775807", ["int", "9223372036854775807"]],
  ["-9223372036854775807", ["int", "-9223372036854775807"]],
  ["-9223372036854775808", ["float", -9223372036854775808]],
  ["9223372036854775808", ["float", 9223372036854775808]],
  [
    `{"x": 5, "y": 1.5}`,
    [
      ["x", ["int", "5"]],
      ["y", ["float", 1.5]],
    ],
  ],
  [
    `{"2": 1, "1": 2, "__proto__": 3}`,
    [
      ["2", ["int", "1"]],
      ["1", ["int", "2"]],
      ["__proto__", ["int", "3"]],
    ],
  ],
  ["{}", []],
  ["[]", []],
  [`[1, "a", [null]]`, [["int", "1"], ["str", "a"], ["null"]]],
])("the value %s is %j", async (text, value) => {
  expect(bare(await parseSetValue(text))).toEqual(value);
});

test.each([
  "",
  " ",
  "x",
  "'x'",
  "01",
  "1 2",
  "1, 2",
  `1, "": 2`,
  `1} {`,
  `1}, {"": 2`,
  `"a`,
  "{",
  "[1,]",
  "1e999",
  "NaN",
])("the value %j is refused with exit 7 and not repeated", async (text) => {
  await expect(parseSetValue(text)).rejects.toMatchObject({
    exitCode: 7,
    message: "Value for --set is not valid JSON",
  });
});

test("a value from a file is UTF-8, or refused with exit 7", async () => {
  expect(bare(await parseSetValue(Buffer.from(`"é"`)))).toEqual(["str", "é"]);
  await expect(parseSetValue(Buffer.of(0x22, 0xff, 0x22))).rejects.toMatchObject({
    exitCode: 7,
    message: "Value for --set is not UTF-8",
  });
});
