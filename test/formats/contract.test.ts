import { expect, test } from "vitest";
import { formats, loadFormat } from "../../formats/index.ts";
import type { Format, FormatName } from "../../formats/format.ts";
import { SopsmithError } from "../../src/errors.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import {
  bool,
  bytes,
  comment,
  entry,
  float,
  int,
  map,
  nil,
  seq,
  str,
  time,
  type Documents,
} from "../../src/tree/node.ts";
import { bareDocuments } from "../bare.ts";

// Every registered format keeps these promises; a new one states here what it holds.

const names = Object.keys(formats) as FormatName[];
const plain = { sealed: false } as const;
const textOf = (format: Format, documents: Documents) => joinChunks(format.emit(documents, plain));
const again = (format: Format, documents: Documents) =>
  bareDocuments(format.parse(textOf(format, documents), plain));

const special = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];
const numeric = ["10", "9", "x", "1", "0", "-1"];
const texts = [
  "",
  "x",
  "a b",
  "é\u{1f600}",
  "true",
  "5",
  "null",
  "a=b",
  "a:b",
  "it's",
  'say "x"',
  "\\n".slice(0, 1),
];

/** Documents that the format holds without loss. */
const held: Record<FormatName, Documents[]> = {
  yaml: [
    [map([])],
    [map([]), map([entry("a", int(1n))]), map([])],
    [map([...special, "", ...numeric].map((key) => entry(key, str(key))))],
    [map(texts.map((text, i) => entry(`k${i}`, str(text))))],
    [
      map([
        entry(
          "a",
          seq([
            int(1n),
            float(1.5),
            bool(true),
            nil(),
            str("x"),
            seq([]),
            map([]),
            seq([map([entry("b", nil())])]),
          ]),
        ),
      ]),
    ],
    [
      map([
        entry("i", int(-(2n ** 63n))),
        entry("j", int(2n ** 63n - 1n)),
        entry("t", time("2020-01-02T03:04:05.1+05:30")),
      ]),
    ],
    [
      map([
        comment(" head"),
        entry("a", int(1n)),
        comment(" mid"),
        comment(""),
        entry("b", int(2n)),
        comment(" foot"),
      ]),
    ],
    [map([entry("a", bytes(Uint8Array.of(255, 0, 128)))])],
    [map([entry("a", int(1n))]), map([entry("b", int(1n)), entry("b", int(2n))])],
    [map([entry("m", str("a\nb\n")), entry("n", str(" a\n\n")), entry("o\np", str("\ta\nb"))])],
  ],
  json: [
    [map([])],
    [map([...special, "", ...numeric].map((key) => entry(key, str(key))))],
    [map(texts.map((text, i) => entry(`k${i}`, str(text))))],
    [map([entry("a", int(1n)), entry("a", int(2n))])],
    [
      map([
        entry(
          "a",
          seq([
            int(-(2n ** 63n)),
            int(2n ** 63n - 1n),
            float(1.5),
            bool(false),
            nil(),
            seq([]),
            map([]),
          ]),
        ),
      ]),
    ],
    [map([entry("a", str("\0\b\f\n\r\t\u001f\u007f\u2028<>&/"))])],
  ],
  dotenv: [
    [map([])],
    [map([...special, "", ...numeric].map((key) => entry(key, str(key))))],
    [map(texts.map((text, i) => entry(`k${i}`, str(text))))],
    [map([comment(" c"), entry("A", str("1")), comment(""), entry("A", str("2")), comment("#x")])],
    [
      map([
        entry("A", str("a\nb")),
        entry("B", str(" x ")),
        entry("C", str("x\r")),
        entry("D", bytes(Uint8Array.of(255))),
      ]),
    ],
  ],
  ini: [
    [map([entry("DEFAULT", map([]))])],
    [
      map([
        entry("DEFAULT", map([entry("a", str("1"))])),
        entry(
          "s",
          map(
            [...special, ...numeric.filter((key) => key !== "-1")].map((key) =>
              entry(key, str(key)),
            ),
          ),
        ),
        ...special.map((key) => entry(key, map([entry("a", str("1"))]))),
      ]),
    ],
    [
      map([
        entry("DEFAULT", map([])),
        entry(
          "s",
          map(
            texts
              .filter((text) => !text.endsWith("\\"))
              .map((text, i) => entry(`k${i}`, str(text))),
          ),
        ),
      ]),
    ],
    [
      map([
        entry("DEFAULT", map([])),
        entry("s", map([entry("a", str("x"))])),
        entry("s", map([entry("b", str("y"))])),
      ]),
    ],
  ],
  binary: [
    [map([entry("data", str(""))])],
    [map([entry("data", str("text\r\n"))])],
    [map([entry("data", bytes(Uint8Array.of(0, 255, 10, 13)))])],
  ],
};

/** A binary file's content has no kind: what is UTF-8 may be text or bytes. */
const content = (documents: Documents) =>
  documents.map(({ items }) =>
    items.map((item) =>
      item.kind === "entry" && (item.value.kind === "bytes" || item.value.kind === "str")
        ? Buffer.from(item.value.value)
        : item,
    ),
  );

test.each(names)("%s reads back what it printed", async (name) => {
  const format = await loadFormat(name);
  expect(held[name].length).toBeGreaterThan(0);
  for (const documents of held[name]) {
    const expected = bareDocuments(documents);
    const result = again(format, documents);
    if (name === "binary") expect(content(result)).toEqual(content(expected));
    else expect(result).toEqual(expected);
  }
});

test.each(names)("%s prints the same text again", async (name) => {
  const format = await loadFormat(name);
  for (const documents of [...held[name], format.example()]) {
    const text = textOf(format, documents);
    expect(textOf(format, format.parse(text, plain))).toEqual(text);
  }
});

test.each(names)("%s goes by the name it is registered under", async (name) => {
  const format = await loadFormat(name);
  expect(format.name).toBe(name);
  expect(["mapping", "section", "prefix"]).toContain(format.placement);
});

// Spec 6.3.
const examples: Record<FormatName, string> = {
  yaml: `hello: Welcome to SOPS! Edit this file as you please!
example_key: example_value
# Example comment
example_array:
    - example_value1
    - example_value2
example_number: 1234.56789
example_booleans:
    - true
    - false
`,
  json: `{
\t"hello": "Welcome to SOPS! Edit this file as you please!",
\t"example_key": "example_value",
\t"example_array": [
\t\t"example_value1",
\t\t"example_value2"
\t],
\t"example_number": 1234.56789,
\t"example_booleans": [
\t\ttrue,
\t\tfalse
\t]
}
`,
  dotenv: `# This is an example file.
hello=Welcome to SOPS! Edit this file as you please!
example_key=example_value
example_multiline=foo\\nbar\\nbaz
`,
  ini: `; This is an example file.
[Welcome!]
hello       = Welcome to SOPS! Edit this file as you please!
example_key = example_value
`,
  binary: "Welcome to SOPS! Edit this file as you please!",
};

test.each(names)("%s starts a new file from the example of sops", async (name) => {
  const format = await loadFormat(name);
  expect(textOf(format, format.example()).toString()).toBe(examples[name]);
  // A caller may change it.
  format.example()[0]?.items.splice(0);
  expect(textOf(format, format.example()).toString()).toBe(examples[name]);
});

test.each(names)("%s refuses or holds 100,000 levels with a clear error", async (name) => {
  const format = await loadFormat(name);
  let node = entry("k", str("x"));
  for (let i = 0; i < 50_000; i++) node = entry("k", seq([map([node])]));
  const documents = [map([node])];
  try {
    const chunks = [...format.emit(documents, plain)];
    expect(chunks.length).toBeGreaterThan(0);
  } catch (error) {
    expect(error).toBeInstanceOf(SopsmithError);
    expect((error as SopsmithError).exitCode).toBe(4);
  }
});

test.each(names)("%s reads no bytes, or refuses them clearly", async (name) => {
  const format = await loadFormat(name);
  try {
    expect(format.parse(new Uint8Array(0), plain).length).toBeLessThan(2);
  } catch (error) {
    expect(error).toBeInstanceOf(SopsmithError);
    expect((error as SopsmithError).message).toContain("EOF");
  }
});

test.each(names)("%s does not show the text of a file it cannot read", async (name) => {
  const format = await loadFormat(name);
  const secret = "hunter2-secret";
  for (const broken of [
    `${secret}`,
    `a: ${secret}\n b: [`,
    `{"a": "${secret}", x}`,
    `{"a": ${secret}}`,
    `{"${secret}" 1}`,
    `A=1\n${secret}\n`,
    `[s]\n${secret}\n`,
    `[${secret}\n`,
    `"${secret}\n`,
    `a = """${secret}\n`,
    `a: "${secret}\n`,
    `a: '${secret}\n`,
    `a: *${secret}\n`,
    `a: !${secret}! x\n`,
    `a: "${secret}\\z"\n`,
  ]) {
    for (const sealed of [false, true]) {
      try {
        format.parse(Buffer.from(broken), { sealed });
      } catch (error) {
        expect(error).toBeInstanceOf(SopsmithError);
        expect((error as SopsmithError).message).not.toContain(secret);
        expect((error as SopsmithError).hint ?? "").not.toContain(secret);
      }
    }
  }
});
