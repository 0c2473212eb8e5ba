import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { splitWords, UnsplittableText } from "../../src/io/words.ts";

test.each([
  ["", []],
  [" \t\n ", []],
  ["# only a comment", []],
  ["code -w", ["code", "-w"]],
  ["  two\twords\n", ["two", "words"]],
  ["'single $HOME \\ quote'", ["single $HOME \\ quote"]],
  [`"double \\"inner\\" \\\\ \\$x \\n"`, [`double "inner" \\ $x \\n`]],
  [`a'b c'"d e"f\\ g`, ["ab cd ef g"]],
  [`'' "" x`, ["", "", "x"]],
  ["cmd # comment\nrest", ["cmd", "rest"]],
  ["a#b #c", ["a#b"]],
  ["one\\\ntwo", ["onetwo"]],
  ["\\#not-a-comment", ["#not-a-comment"]],
  ["$HOME *.txt ~ `x`", ["$HOME", "*.txt", "~", "`x`"]],
  ["/Applications/My\\ Editor --wait", ["/Applications/My Editor", "--wait"]],
])("splits %j as a shell does", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test.each([`sh -c 'secret`, `sh "secret`, `secret \\`, `"secret\\"`])(
  "refuses %j without quoting it",
  (text) => {
    expect(() => splitWords(text)).toThrow(UnsplittableText);
    expect(() => splitWords(text)).not.toThrow(/secret/);
  },
);

test("agrees with sh on quotes, backslashes and comments", () => {
  const texts = fc.sample(
    fc.string({
      unit: fc.constantFrom("a", "b", " ", "\t", "\n", "'", '"', "\\", "#", "%"),
      maxLength: 14,
    }),
    { numRuns: 300, seed: 3 },
  );
  const balanced = texts.flatMap((text) => {
    try {
      return [{ text, words: splitWords(text) }];
    } catch {
      return [];
    }
  });
  expect(balanced.length).toBeGreaterThan(100);
  // A line end separates commands in a script, so words are collected line by line through a function.
  const script = balanced
    .filter(({ text }) => !text.includes("\n"))
    .map(({ text }) => `show ${text}\nprintf '\\036'\n`)
    .join("");
  const shown = execFileSync("sh", ["-s"], {
    input: `show() { for w do printf '%s\\037' "$w"; done; }\n${script}`,
    encoding: "utf8",
  });
  const expected = balanced
    .filter(({ text }) => !text.includes("\n"))
    .map(({ words }) => words.map((word) => `${word}\u001f`).join("") + "\u001e")
    .join("");
  expect(shown).toBe(expected);
});
