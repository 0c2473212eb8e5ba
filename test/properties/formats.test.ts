import fc from "fast-check";
import { expect, test } from "vitest";
import type { Format, FormatName } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import {
  bool,
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
  type Item,
  type Mapping,
  type Node,
} from "../../src/tree/node.ts";
import { textLeaf, decodeText } from "../../src/tree/text.ts";
import { bareDocuments } from "../bare.ts";
import { runs } from "../runs.ts";

// parse(emit(tree)) is the tree, for all that a format holds.

const again = (format: Format, documents: Documents) => {
  const chunks = format.emit(documents, { sealed: false });
  const text = joinChunks(chunks);
  return bareDocuments(format.parse(text, { sealed: false }));
};

const awkward = fc.constantFrom(
  ..."\n \t'\"\\#:-?[]{},&*!|>%@`~=<yN0.1_+e\r\0\u0001\u007f\u0085\u00a0\u2028\u2029\ufeff\ufffd\uffff\u{1f600}é",
);
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: awkward, maxLength: 8 }),
  fc.constantFrom(
    "true",
    "null",
    "1e3",
    "2020-01-01",
    "1:30",
    "0x1F",
    "---",
    "__proto__",
    "a: b",
    "- a",
    " a\nb",
    "\ta\nb",
  ),
);
const key = fc.oneof(
  text,
  fc.constantFrom("__proto__", "constructor", "toString", "", "1", "10", "9"),
);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => int(value));
// A float without a fraction prints as an integer in YAML and JSON (spec file-format 6).
const fraction = fc
  .double({ noInteger: true, noNaN: true, noDefaultInfinity: true })
  .map((value) => float(value));
const instant = fc
  .tuple(
    fc.date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T00:00:00Z"),
      noInvalidDate: true,
    }),
    fc.constantFrom("Z", "+05:30", "-07:00"),
  )
  .map(([date, zone]) => time(date.toISOString().replace(/\.?0*Z$/, zone)));
const raw = fc
  .uint8Array({ minLength: 1, maxLength: 80 })
  .map((value) => textLeaf(decodeText(value)));

const scalar: fc.Arbitrary<Node> = fc.oneof(
  { weight: 4, arbitrary: text.map((value) => str(value)) },
  int64,
  fraction,
  fc.boolean().map((value) => bool(value)),
  fc.constant(nil()),
);

const tree = (leaf: fc.Arbitrary<Node>, keys: fc.Arbitrary<string>, unique: boolean) =>
  fc.letrec<{ node: Node; list: Node; mapping: Mapping }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      { weight: 4, arbitrary: leaf },
      tie("list"),
      tie("mapping"),
    ),
    list: fc.array(tie("node"), { maxLength: 4 }).map((items) => seq(items)),
    mapping: (unique
      ? fc.uniqueArray(fc.tuple(keys, tie("node")), { maxLength: 4, selector: ([name]) => name })
      : fc.array(fc.tuple(keys, tie("node")), { maxLength: 4 })
    ).map((items) => map(items.map(([name, value]) => entry(name, value)))),
  })).mapping;

test("yaml holds any tree", async () => {
  const yaml = await loadFormat("yaml");
  const leaf = fc.oneof(
    { weight: 4, arbitrary: scalar },
    raw,
    instant,
    fc.constantFrom(float(Infinity), float(-Infinity), float(Number.NaN)),
  );
  // A key `<<` takes only mappings.
  const document = tree(
    leaf,
    key.filter((name) => name !== "<<"),
    true,
  );
  fc.assert(
    fc.property(
      fc.array(document, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(undefined, 2, 3, 7),
      (documents, indent) => {
        const chunks = yaml.emit(documents, { sealed: false, indent });
        const back = yaml.parse(Buffer.from(joinChunks(chunks).toString()), { sealed: false });
        expect(bareDocuments(back)).toEqual(bareDocuments(documents));
      },
    ),
    { numRuns: runs(1500) },
  );
});

test("yaml keeps comments before mapping entries", async () => {
  const yaml = await loadFormat("yaml");
  const remark = fc
    .string({ unit: fc.constantFrom(..." #:-'\"[]{}é日x\u00a0!"), maxLength: 8 })
    .map((value) => comment(value));
  const { mapping } = fc.letrec<{ mapping: Mapping }>((tie) => ({
    mapping: fc
      .uniqueArray(
        fc.tuple(
          fc.stringMatching(/^[a-z]{1,6}$/),
          fc.array(remark, { maxLength: 2 }),
          fc.oneof({ depthSize: "small" }, { weight: 3, arbitrary: scalar }, tie("mapping")),
        ),
        { minLength: 1, maxLength: 4, selector: ([name]) => name },
      )
      .map((items) =>
        map(items.flatMap(([name, comments, value]): Item[] => [...comments, entry(name, value)])),
      ),
  }));
  fc.assert(
    fc.property(mapping, (document) => {
      expect(again(yaml, [document])).toEqual(bareDocuments([document]));
    }),
    { numRuns: runs(1000) },
  );
});

test("json holds any tree, repeated keys too", async () => {
  const json = await loadFormat("json");
  fc.assert(
    fc.property(tree(scalar, key, false), (document) => {
      expect(again(json, [document])).toEqual(bareDocuments([document]));
    }),
    { numRuns: runs(1000) },
  );
});

test("dotenv holds any lines", async () => {
  const dotenv = await loadFormat("dotenv");
  const name = key.filter((value) => !/[\n=]/.test(value) && !value.startsWith("#"));
  // Text that holds a backslash and an n cannot be told from a line feed (spec 9.1).
  const value = fc
    .oneof(
      text.map((content) => str(content)),
      raw,
    )
    .filter((leaf) => leaf.kind !== "str" || !leaf.value.includes("\\"));
  const plainRaw = value.filter(
    (leaf) => leaf.kind !== "bytes" || !Buffer.from(leaf.value).includes("\\"),
  );
  const item: fc.Arbitrary<Item> = fc.oneof(
    fc.tuple(name, plainRaw).map(([k, v]) => entry(k, v)),
    text.filter((content) => !content.includes("\n")).map((content) => comment(content)),
  );
  fc.assert(
    fc.property(fc.array(item, { maxLength: 6 }), (items) => {
      expect(again(dotenv, [map(items)])).toEqual(bareDocuments([map(items)]));
    }),
    { numRuns: runs(1000) },
  );
});

test("ini holds any sections of plain text", async () => {
  const ini = await loadFormat("ini");
  const word = fc.stringMatching(/^[A-Za-z_é][A-Za-z0-9_. é-]{0,8}[A-Za-z0-9]$/);
  const name = fc.oneof(word, fc.constantFrom("__proto__", "constructor", "toString", "10", "9"));
  const value = fc.oneof(
    word,
    fc.constantFrom("", "a = b", "a # b", "a ; b", "x\ny", " x ", "it's", "100%", "%(x)s", "a`b"),
  );
  const section = fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([k]) => k })
    .map((items) => map(items.map(([k, v]) => entry(k, str(v)))));
  const document = fc
    .uniqueArray(
      fc.tuple(
        name.filter((n) => n !== "DEFAULT"),
        section,
      ),
      { maxLength: 3, selector: ([k]) => k },
    )
    .map((items) => map([entry("DEFAULT", map([])), ...items.map(([k, v]) => entry(k, v))]));
  fc.assert(
    fc.property(document, (root) => {
      expect(again(ini, [root])).toEqual(bareDocuments([root]));
    }),
    { numRuns: runs(500) },
  );
});

test.each<FormatName>(["yaml", "json", "dotenv", "ini"])(
  "%s reads any bytes or refuses them with its own error",
  async (name) => {
    const format = await loadFormat(name);
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ unit: awkward, maxLength: 40 }).map((value) => Buffer.from(value)),
      fc
        .string({ unit: fc.constantFrom(..."ab:\n  -[]{},#'\"&*|>?!=;"), maxLength: 60 })
        .map((value) => Buffer.from(value)),
    );
    fc.assert(
      fc.property(junk, fc.boolean(), (source, sealed) => {
        try {
          const documents = format.parse(source, { sealed });
          // What was read can be printed, and prints the same again. INI holds less than it reads (spec D7).
          if (name === "ini") return;
          const once = joinChunks(format.emit(documents, { sealed: false })).toString();
          const twice = joinChunks(
            format.emit(format.parse(Buffer.from(once), { sealed: false }), { sealed: false }),
          ).toString();
          if (name === "json" || name === "dotenv") expect(twice).toBe(once);
        } catch (error) {
          expect(error).toHaveProperty("exitCode");
        }
      }),
      { numRuns: runs(2000) },
    );
  },
);
