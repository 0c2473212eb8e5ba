import { expect, test } from "vitest";
import { yaml } from "../../formats/yaml.ts";
import { json } from "../../formats/json.ts";
import type { Format } from "../../formats/format.ts";
import { SopsmithError } from "../../src/errors.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import type { Node } from "../../src/tree/node.ts";

const bound = (open: string, inner: string, close: string) => (levels: number) =>
  `${open.repeat(levels)}${inner}${close.repeat(levels)}`;

const shapes: [string, Format, (levels: number) => string][] = [
  ["yaml flow lists", yaml, (n) => `a: ${bound("[", "1", "]")(n)}\n`],
  ["yaml flow mappings", yaml, (n) => `a: ${bound("{k: ", "1", "}")(n)}\n`],
  ["yaml flow pairs in lists", yaml, (n) => `a: ${bound("[k: ", "1", "]")(n)}\n`],
  ["yaml lists in list items", yaml, (n) => `a:\n${"- ".repeat(n)}1\n`],
  ["yaml explicit keys", yaml, (n) => `${"? ".repeat(n)}1\n`],
  ["yaml flow lists as keys", yaml, (n) => `${bound("{? ", "1", "}")(n)}\n`],
  ["yaml flow lists without an end", yaml, (n) => `a: ${"[".repeat(n)}`],
  ["yaml flow mappings without an end", yaml, (n) => `a: ${"{a: ".repeat(n)}`],
  ["json lists", json, (n) => `{"a":${bound("[", "1", "]")(n)}}`],
  ["json objects", json, (n) => bound('{"k":', "1", "}")(n)],
  ["json lists without an end", json, (n) => `{"a":${"[".repeat(n)}`],
  ["json objects without an end", json, (n) => '{"k":'.repeat(n)],
];

function refusalOf(format: Format, text: string): unknown {
  try {
    format.parse(Buffer.from(text), { sealed: false });
    return undefined;
  } catch (error) {
    return error;
  }
}

test.each(shapes)("refuses 100,000 levels of %s with a clear message", (_what, format, shape) => {
  const error = refusalOf(format, shape(100_000));
  expect(error).toBeInstanceOf(SopsmithError);
  expect((error as Error).message.length).toBeLessThan(300);
  expect((error as Error).message).not.toContain("call stack");
});

test.each(shapes)("holds or refuses 10,000 levels of %s", (_what, format, shape) => {
  let documents;
  try {
    documents = format.parse(Buffer.from(shape(10_000)), { sealed: false });
  } catch (error) {
    expect(error).toBeInstanceOf(SopsmithError);
    return;
  }
  const text = joinChunks(format.emit(documents, { sealed: false })).toString();
  expect(text.length).toBeGreaterThan(10_000);
});

test("holds 1,000 levels of block mappings and reads them back", () => {
  const text = Array.from(
    { length: 1000 },
    (_, i) => `${" ".repeat(4 * i)}k:${i === 999 ? " 1" : ""}\n`,
  ).join("");
  const documents = yaml.parse(Buffer.from(text), { sealed: false });
  let depth = 0;
  let node: Node | undefined = documents[0];
  while (node?.kind === "map") {
    const [item]: typeof node.items = node.items;
    node = item?.kind === "entry" ? item.value : undefined;
    depth++;
  }
  expect(depth).toBe(1000);
  expect(joinChunks(yaml.emit(documents, { sealed: false })).toString()).toBe(text);
});

test("reads 100,000 entries, comments and documents in linear time", () => {
  const started = performance.now();
  for (const text of [
    Array.from({ length: 100_000 }, (_, i) => `k${i}: ${i} # c\n`).join(""),
    `l:\n${"# c\n- 1\n".repeat(100_000)}`,
    "a: 1\n---\n".repeat(50_000),
    `a: "${"x\n\n".repeat(100_000)}"\n`,
    `a: |\n${"  x\n\n".repeat(100_000)}`,
    `${"# c\n".repeat(100_000)}a: 1\n`,
    `${"\n".repeat(300_000)}a: 1\n`,
    `a: [${"1,\n".repeat(100_000)}]\n`,
  ]) {
    const documents = yaml.parse(Buffer.from(text), { sealed: false });
    expect([...yaml.emit(documents, { sealed: false })].length).toBeGreaterThan(0);
  }
  // About two seconds; quadratic reading of any of these takes minutes.
  expect(performance.now() - started).toBeLessThan(40_000);
});
