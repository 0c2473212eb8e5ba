import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { yaml } from "../../formats/yaml.ts";
import { toPlain, type Plain } from "../../src/tree/plain.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { runs } from "../runs.ts";

// Another reader must see the same values in documents of the subset that YAML 1.1, YAML 1.2 and sops read alike.

const word = fc
  .stringMatching(/^[a-z][a-z0-9_]{0,7}$/)
  .filter((text) => !/^(?:true|false|null|y|n|yes|no|on|off)$/.test(text));
const text = fc.string({
  unit: fc.constantFrom(..."ab xyz0_:#-'\"\\{}[],&*!|>%@?é日\u{1f600}".split(/(?:)/u)),
  maxLength: 12,
});

const quoted = text.map((value) => JSON.stringify(value));
const single = text.map((value) => `'${value.replaceAll("'", "''")}'`);
const number = fc.oneof(
  fc.integer().map(String),
  fc.integer({ min: 0, max: 255 }).map((n) => `0x${n.toString(16)}`),
  fc
    .double({ noNaN: true, noDefaultInfinity: true, noInteger: true, min: -1e15, max: 1e15 })
    .map((n) => n.toString()),
);
const plainScalar = fc.oneof(
  word,
  fc.tuple(word, word).map((words) => words.join(" ")),
  number,
  fc.constantFrom("true", "false", "null", "~"),
);
const scalar = fc.oneof(plainScalar, quoted, single);

interface Layout {
  /** Lines below a key or dash; the first may stand behind it when `inline`. */
  lines: string[];
  inline: boolean;
}

const leaf: fc.Arbitrary<Layout> = scalar.map((value) => ({ lines: [value], inline: true }));
const lineOf = fc.oneof(
  word,
  fc.tuple(word, word).map((words) => words.join("  ")),
  fc.constant(""),
);
const block: fc.Arbitrary<Layout> = fc
  .tuple(
    fc.constantFrom("|", ">"),
    fc.constantFrom("", "-", "+"),
    word,
    fc.array(lineOf, { maxLength: 4 }),
  )
  .map(([style, chomp, start, rest]) => ({
    lines: [
      `${style}${chomp}`,
      ...[start, ...rest].map((line) => (line === "" ? "" : `  ${line}`)),
    ],
    inline: true,
  }));
const folded: fc.Arbitrary<Layout> = fc
  .array(word, { minLength: 2, maxLength: 4 })
  .map((words) => ({ lines: words.map((w, i) => (i === 0 ? w : `  ${w}`)), inline: true }));
const { flow } = fc.letrec<{ flow: string; list: string; mapping: string }>((tie) => ({
  flow: fc.oneof(
    { depthSize: "small" },
    fc.oneof(word, number, quoted, single),
    tie("list"),
    tie("mapping"),
  ),
  list: fc.array(tie("flow"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
  mapping: fc
    .uniqueArray(fc.tuple(word, tie("flow")), { maxLength: 3, selector: ([key]) => key })
    .map((items) => `{${items.map(([key, value]) => `${key}: ${value}`).join(", ")}}`),
}));
const flowValue: fc.Arbitrary<Layout> = flow.map((value) => ({ lines: [value], inline: true }));

const indented = (lines: readonly string[], width: number) =>
  lines.map((line) => (line === "" ? "" : " ".repeat(width) + line));

const key = fc.oneof(
  word,
  word.map((value) => `"${value}-q"`),
  word.map((value) => `'${value} s'`),
);
const { mapping } = fc.letrec<{ value: Layout; mapping: Layout; list: Layout }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    leaf,
    block,
    folded,
    flowValue,
    tie("mapping"),
    tie("list"),
  ),
  mapping: fc
    .tuple(
      fc.uniqueArray(fc.tuple(key, tie("value")), {
        minLength: 1,
        maxLength: 4,
        selector: ([name]) => name,
      }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
    )
    .map(([items, width, blank]) => ({
      inline: false,
      lines: items.flatMap(([name, value]) => [
        ...(blank ? [""] : []),
        ...(value.inline
          ? [`${name}: ${value.lines[0] ?? ""}`, ...indented(value.lines.slice(1), width)]
          : [`${name}:`, ...indented(value.lines, width)]),
      ]),
    })),
  list: fc.array(tie("value"), { minLength: 1, maxLength: 4 }).map((items) => ({
    inline: false,
    lines: items.flatMap((value) => {
      const lines = value.lines.filter((line, i) => value.inline || line !== "" || i > 0);
      return [`- ${lines[0] ?? ""}`, ...indented(lines.slice(1), 2)];
    }),
  })),
}));

/** Bigints and numbers of one value are the same to this comparison. */
const comparable = (value: unknown): unknown =>
  typeof value === "bigint"
    ? Number(value)
    : Object.is(value, -0)
      ? 0
      : Array.isArray(value)
        ? value.map(comparable)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(
              Object.entries(value).map(([name, member]) => [name, comparable(member)]),
            )
          : value;

test("reads the values that another YAML reader reads", () => {
  fc.assert(
    fc.property(
      fc.array(mapping, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (documents, crlf) => {
        const lf = documents.map(({ lines }) => `---\n${lines.join("\n")}\n`).join("");
        const source = crlf ? lf.replaceAll("\n", "\r\n") : lf;
        const expected = parseAllDocuments(source, {
          version: "1.2",
          uniqueKeys: false,
          intAsBigInt: true,
        });
        for (const document of expected) expect(document.errors).toEqual([]);
        const ours: Plain[] = yaml
          .parse(Buffer.from(source), { sealed: false })
          .map((document) => toPlain(document));
        expect(ours.map(comparable)).toEqual(
          [...expected].map((document) => comparable(document.toJS())),
        );
      },
    ),
    { numRuns: runs(500) },
  );
});

test("prints what another YAML reader reads as the same values", () => {
  fc.assert(
    fc.property(mapping, ({ lines }) => {
      const documents = yaml.parse(Buffer.from(`${lines.join("\n")}\n`), { sealed: false });
      const plain = documents.map((document) => toPlain(document));
      const printed = joinChunks(yaml.emit(documents, { sealed: false })).toString();
      const expected = parseAllDocuments(printed, {
        version: "1.2",
        uniqueKeys: false,
        intAsBigInt: true,
      });
      expect([...expected].map((document) => comparable(document.toJS()))).toEqual(
        plain.map(comparable),
      );
    }),
    { numRuns: runs(300) },
  );
});
