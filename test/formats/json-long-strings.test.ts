import { expect, test } from "vitest";
import { json } from "../../formats/json.ts";
import { ParseError } from "../../src/errors.ts";
import { joinChunks, LONG_TEXT, longStr } from "../../src/tree/long-text.ts";
import {
  entry,
  map,
  seq,
  str,
  type Item,
  type Mapping,
  type Node,
  type Str,
} from "../../src/tree/node.ts";
import { toPlain } from "../../src/tree/plain.ts";
import { thrownBy } from "../verbs.ts";

const read = (text: string | Uint8Array, sealed = true): Mapping => {
  const [document] = json.parse(Buffer.from(text), { sealed });
  if (document === undefined) throw new Error("no document");
  return document;
};
const printed = (document: Mapping): string =>
  joinChunks(json.emit([document], { sealed: true })).toString();

function everyNode(root: Mapping): (Node | Item)[] {
  const all: (Node | Item)[] = [root];
  for (const node of all) {
    if (node.kind === "entry") all.push(node.value);
    else if (node.kind === "map" || node.kind === "seq")
      for (const item of node.items) all.push(item);
  }
  return all;
}
const longOnes = (root: Mapping): Str[] =>
  everyNode(root)
    .filter((node) => node.kind === "str")
    .filter(({ long }) => long !== undefined);

const digits = (length: number): string =>
  "ABC+/=01".repeat(Math.ceil(length / 8)).slice(0, length);
const long = digits(LONG_TEXT);

const documents: [name: string, text: string, count: number][] = [
  ["one long value", `{"a": "${long}"}`, 1],
  ["just long enough", `{"a":"${digits(LONG_TEXT)}","b":1}`, 1],
  ["just too short", `{"a":"${digits(LONG_TEXT - 1)}","b":1}`, 0],
  ["several", `{"a": "${long}", "b": ["${long}x", "short", "${long}y"], "c": {"d": "${long}"}}`, 4],
  [
    "text that is not ASCII before and behind it",
    `{"é\u{1f600}": "ü", "a": "${long}", "z": "\u{1f600}"}`,
    1,
  ],
  [
    "all that may stand in a string as it is",
    `{"a": "${"aB9 ~!#$%'()*+,-./:;=?@[]^_{|}".repeat(LONG_TEXT / 16)}"}`,
    1,
  ],
  ["a long key", `{"a": "${long}", "${long}": 1}`, 0],
  ["a key after an escaped quote", `{"a": "x\\"${long}", "b": "${long}"}`, 0],
  ["an escaped quote behind it", `{"a": "${long}\\"x"}`, 0],
  ["numbers between two strings", `{"a": "x", "b": [${"1,".repeat(LONG_TEXT)}1], "c": "y"}`, 0],
  ["blanks between two strings", `{"a": "x",${" ".repeat(LONG_TEXT)}"b": "y"}`, 0],
  ...["<", ">", "&", "é", "\u2028", "\\n", "\\u0041", "\u007f"].map(
    (c): [string, string, number] => [
      `${JSON.stringify(c)} in it`,
      `{"a": "${long}${c}${long}", "b": "z"}`,
      c === "\u007f" ? 1 : 0,
    ],
  ),
];

test.each(documents)(
  "reads %s as JSON.parse does, and remembers where everything was",
  (_name, text, count) => {
    const root = read(text);
    expect(longOnes(root).length).toBe(count);
    expect(root.start === 0 && root.end === text.length).toBe(true);
    for (const node of everyNode(root)) {
      if (node.kind !== "entry" && node.kind !== "str") continue;
      const wanted = node.kind === "entry" ? node.key : node.value;
      const found: unknown = JSON.parse(text.slice(node.start, node.end));
      expect(found === wanted).toBe(true);
    }
    expect(JSON.stringify(toPlain(root)) === JSON.stringify(JSON.parse(text))).toBe(true);
  },
);

test.each(documents)("writes %s as it writes the same text in strings", (_name, text) => {
  const root = read(text);
  const output = printed(root);
  for (const node of everyNode(root))
    if (node.kind === "entry" && node.value.kind === "str") node.value = str(node.value.value);
    else if (node.kind === "seq")
      node.items = node.items.map((item) => (item.kind === "str" ? str(item.value) : item));
  expect(longOnes(root)).toEqual([]);
  expect(printed(root) === output).toBe(true);
});

test("does not copy a long value, nor make a string of it", () => {
  const source = Buffer.from(`{"a": "${long}"}`);
  const [value] = longOnes(map(json.parse(source, { sealed: true })[0]?.items ?? []));
  const [piece] = [...(value?.long?.pieces ?? [])];
  expect(piece?.buffer).toBe(source.buffer);
  const pieces = [...json.emit([map([entry("a", value ?? str(""))])], { sealed: true })];
  expect(pieces).toContain(piece);
});

test.each([
  [`{"a": "${long}",\n"b": x}`, 2],
  [`{"a": "${long}"\n\n"b": 1}`, 3],
  [`{"a":\n"${long}`, 2],
  [`{"a": "${long}" "b"}`, 1],
  [`{"a": "${long}\n"}`, 1],
  [`{"a": "${long}\u0001"}`, 1],
  [`{"a" ${long} "b": 1}`, 1],
  [`{"a": "b" "${long}"}`, 1],
  [`["${long}"]`, 1],
  [`"${long}"`, 1],
  [`{"a": "x"}\n"${long}"`, 2],
])("refuses bad text next to a long value, with its line", (text, line) => {
  const short = text.replaceAll(long, "ABC");
  const wanted = thrownBy(() => json.parse(Buffer.from(short), { sealed: false }));
  const error = thrownBy(() => json.parse(Buffer.from(text), { sealed: false }));
  expect(error).toBeInstanceOf(ParseError);
  expect(error.message).toBe(wanted.message);
  expect(error).toMatchObject({ line });
  expect(wanted).toMatchObject({ line });
});

test("a long value that is not plain is written with its escapes", () => {
  const text = `${long}<"\\\u2028\n${long}`;
  const value = longStr({ pieces: [Buffer.from(text)], isPlain: false });
  expect(
    printed(map([entry("a", seq([value]))])) === printed(map([entry("a", seq([str(text)]))])),
  ).toBe(true);
});
