import { expect, test } from "vitest";
import { changeText, decryptText, encryptText } from "../verbs.ts";
import {
  expectForgeriesHarmless,
  expectSopsReads,
  keepAndOpen,
  keepMany,
  runSops,
  set,
  unset,
} from "./flat-formats.ts";

const format = "json";
const layout = "keep";

/** Plain JSON texts, each with something that sops would write in another way. */
const texts: Readonly<Record<string, string>> = {
  "two spaces": '{\n  "a": 1,\n  "b": {\n    "c": "d"\n  }\n}\n',
  "tabs and blank lines": '{\n\n\t"a": 1,\n\n\n\t"b": [\n\t\t1\n\t]\n\n}\n\n',
  "lists on one line": '{\n  "a": [1, "two", [3,4]],\n  "b": { "c":true, "d" : null }\n}\n',
  "everything on one line": '{"a":1,"b":[1,2],"c":{}}',
  "one line with spaces": '{ "a": 1, "b": "x" }\n',
  "spellings of numbers":
    '{"a": 1.0, "b": 1e3, "c": 12345678901234567890123, "d": 1.50, "f": -0.0, "g": 0.1, "h": 1E-7}\n',
  "an integer with a sign": '{"a": -0}\n',
  "spellings of strings":
    '{"a": "x\\/y", "b": "\\u00e9", "c": "<b>&", "d": "\\u003c", "e": "\\ud83d\\ude00", "f": "\u2028", "g": ""}\n',
  "carriage returns": '{\r\n  "a": 1,\r\n  "b": [\r\n    2\r\n  ]\r\n}\r\n',
  "no line break at the end": '{\n  "a": 1\n}',
  "a key in front that is spelled in its own way": '{"\\u0061": 1, "b\\/c": "x"}\n',
  "members with nothing between": '{"a":1\n,"b":2\n,"c":3}\n',
  "a first member on the line of its bracket": '{"a": "x",\n "b": [1, 2],\n "c": 3}\n',
  "white space around it": ' \n{"a" : 1 ,\n"b": 2 } \n\t',
  "keys that come twice": '{"a": 1, "a": "x", "b": {"c": 1.0, "c": 2.0}}\n',
  "what stays unencrypted": '{\n  "a_unencrypted": [1.0, "\\u00e9", 1e3],\n  "b": 2\n}\n',
  "text of its own marker": '{"sopsmith_layout": "1", "a": {"sops": {"sopsmith_layout": "1"}}}\n',
  "long strings": `{"a": "${"x".repeat(400_000)}", "b": "${"\\u00e9".repeat(60_000)}"}\n`,
  "deep nesting": `{"a": ${"[".repeat(3000)}1.0${"]".repeat(3000)}}\n`,
};

test.each(Object.entries(texts))(
  "a kept JSON file comes back byte for byte: %s",
  async (_, text) => {
    const { outcome, sealed } = await keepAndOpen(format, text);
    expect(outcome).toBe("kept");
    // Whoever knows of no layout has the values that sops would have written.
    expect(await decryptText(sealed, { format })).toBe(
      await decryptText(await encryptText(text, { format }), { format }),
    );
  },
);

test("the block goes after the last member, with the indentation of the file", async () => {
  const sealed = await encryptText('{\r\n   "a": {"b": 1.0}\r\n}', { format, layout });
  expect(sealed).toMatch(
    /^\{\r\n {3}"a": \{"b": "ENC\[[^"]*"\},\r\n {3}"sops": \{\r\n {6}"age": \[/,
  );
  expect(sealed).toMatch(/\r\n {6}"sopsmith_layout": "1",\r\n {6}"sopsmith_layout_records": \{/);
  expect(sealed.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
});

test.each([
  ["no keys", "{}\n", /no keys/],
  ["a negative zero that stays unencrypted", '{"a_unencrypted": -0, "b": 1}', /read differently/],
])("a text that cannot keep its layout says why: %s", async (_, text, reason) => {
  const { outcome, sealed } = await keepAndOpen(format, text);
  expect(outcome).toMatch(reason);
  expect(sealed).not.toContain("sopsmith_layout");
});

test("600 random texts come back byte for byte, except those with an unencrypted -0 or no keys", async () => {
  const { counts, wrong } = await keepMany(format, 600);
  expect(wrong).toEqual([]);
  expect(counts.get("kept")).toBeGreaterThan(470);
  counts.delete("kept");
  counts.delete("refused");
  counts.delete("it has no keys");
  expect([...counts].reduce((sum, [, count]) => sum + count, 0)).toBeLessThan(15);
});

test.each(["sops", "sops311"] as const)(
  "real %s reads kept files without a warning",
  async (program) => {
    for (const [name, text] of Object.entries(texts)) {
      // sops 3.11 reads -0 as a float.
      if (name === "deep nesting" || name === "an integer with a sign") continue;
      const sealed = await encryptText(text, { format, layout });
      await expectSopsReads(program, format, text, sealed);
    }
    const sealed = await encryptText('{ "a": 1.0 }', { format, layout });
    const { code, stderr, file } = await runSops(program, format, sealed, "set", '["b"]', '"x"');
    expect([code, stderr]).toEqual([0, ""]);
    expect(file).not.toContain("sopsmith");
    expect(await decryptText(file, { format, layout })).toBe('{\n\t"a": 1,\n\t"b": "x"\n}\n');
  },
);

const own =
  '{\n  "a": 1.0,\n  "list": [1, "two"],\n  "b": {\n    "c": "\\u00e9",\n    "d": [\n      1\n    ]\n  }\n}\n';

test.each([
  ["a value", () => ["a"], 2, own.replace("1.0", "2")],
  ["a value that becomes a list", () => ["a"], [1], own.replace("1.0", "[\n    1\n  ]")],
  ["a new member", () => ["e"], "x<y", own.replace("  }\n}", '  },\n  "e": "x<y"\n}')],
  [
    "a new member below",
    () => ["b", "e"],
    { f: 1 },
    own.replace("    ]\n", '    ],\n    "e": {\n      "f": 1\n    }\n'),
  ],
  ["an element on one line", () => ["list", 2], 3, own.replace('"two"', '"two", 3')],
  [
    "an element on its own line",
    () => ["b", "d", 1],
    "x",
    own.replace("      1\n", '      1,\n      "x"\n'),
  ],
])("set changes only its own value: %s", async (_, path, value, wanted) => {
  const sealed = await encryptText(own, { format, layout });
  expect(await set(format, sealed, path(), value)).toBe(wanted);
});

test.each([
  ["the first", ["a"], own.replace('  "a": 1.0,\n', "")],
  ["one between", ["list"], own.replace('  "list": [1, "two"],\n', "")],
  ["the last", ["b"], own.replace(/,\n {2}"b"[^]*\n {2}\}/, "")],
  ["an element", ["list", 0], own.replace("1, ", "")],
  ["the last element", ["list", 1], own.replace(', "two"', "")],
  ["the only element", ["b", "d", 0], own.replace(/\[\n {6}1\n {4}\]/, "[]")],
] as const)("unset removes only its own value: %s", async (_, path, wanted) => {
  const sealed = await encryptText(own, { format, layout });
  expect(await unset(format, sealed, [...path])).toBe(wanted);
});

test("a file that is sealed again keeps every line except those of time and MAC", async () => {
  const sealed = await encryptText(own, { format, layout });
  const again = (await changeText(sealed, () => true, { format, layout })) ?? "";
  const lines = new Set(sealed.split("\n"));
  expect(
    again.split("\n").filter((line) => !lines.has(line) && !/lastmodified|"mac"/.test(line)),
  ).toEqual([]);
});

test("a forged layout gives the same values or an error, never others", async () => {
  expect(await expectForgeriesHarmless(format, 60)).toBeGreaterThan(200);
});

test("new members are written as the last where the first follows the bracket on its line", async () => {
  const sealed = await encryptText('{"a": "x",\n "b": 1}\n', { format, layout });
  expect(sealed).toMatch(/^ "sops": \{$/m);
  expect(await set(format, sealed, ["n"], { c: 2 })).toBe(
    '{"a": "x",\n "b": 1,\n "n": {\n  "c": 2\n }}\n',
  );
});
