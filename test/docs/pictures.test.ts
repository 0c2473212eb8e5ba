import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAnsi, wrapped } from "../../scripts/pictures/ansi.ts";
import { columns, record, sessions } from "../../scripts/pictures/sessions.ts";
import { drawingPicture, terminalPicture } from "../../scripts/pictures/svg.ts";
import { shellProgram } from "../cli/program-under-test.ts";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

/** A picture's words without what is random in them: ciphertexts, and how much of a line they take. */
const words = (svg: string) =>
  (/<desc>(.*?)<\/desc>/s.exec(svg)?.[1] ?? "").replaceAll(/data:[A-Za-z0-9+/=]{1,4}…/g, "data:…");

test.each(sessions)(
  "the recorded session $name is what the program prints (else: npm run docs:sessions)",
  (session) => {
    const picture = terminalPicture(session.title, record(session, shellProgram), columns);
    expect(words(read(`docs/sessions/${session.name}.svg`))).toBe(words(picture));
  },
);

test("the drawings are made from the text beside them (else: npm run docs:sessions)", () => {
  const names = globSync("docs/diagrams/*.txt", { cwd: root });
  expect(names).toHaveLength(2);
  for (const name of names)
    expect(read(name.replace(/\.txt$/, ".svg")), name).toBe(drawingPicture(read(name)));
});

test("every picture is shown somewhere, follows the reader's colours, and says nothing of the machine", () => {
  const pages = globSync(["README.md", "docs/*.md", "docs/guides/*.md"], { cwd: root })
    .map(read)
    .join("\n");
  const pictures = globSync(["docs/sessions/*.svg", "docs/diagrams/*.svg"], { cwd: root });
  expect(pictures).toHaveLength(sessions.length + 2);
  for (const name of pictures) {
    expect(pages).toContain(name.replace(/^docs\//, ""));
    const svg = read(name);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).not.toMatch(/\/(?:tmp|home|root|work|Users)\//);
    // Nothing is loaded, and nothing runs.
    expect(svg).not.toMatch(/<script|href=|url\(|@import|on\w+=/);
  }
});

test("a terminal's colours become styles, over the end of a line too; other sequences are left out", () => {
  const esc = "\u001b";
  expect(parseAnsi(`a${esc}[1;31mb\nc${esc}[0m${esc}[Kd`)).toEqual([
    [
      { text: "a", style: "plain" },
      { text: "b", style: "red" },
    ],
    [
      { text: "c", style: "red" },
      { text: "d", style: "plain" },
    ],
  ]);
});

test("long lines continue on the next, as on a terminal", () => {
  const line = [
    { text: "abc", style: "bold" as const },
    { text: "defgh", style: "dim" as const },
  ];
  expect(wrapped(line, 4)).toEqual([
    [
      { text: "abc", style: "bold" },
      { text: "d", style: "dim" },
    ],
    [{ text: "efgh", style: "dim" }],
  ]);
});

test("what could be markup in a picture is text", () => {
  const svg = terminalPicture('<a "b">', [[{ text: "<script>&", style: "plain" }]], 20);
  expect(svg).not.toContain("<script>");
  expect(svg).toContain("&lt;script&gt;&amp;");
});
