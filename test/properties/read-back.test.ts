import fc from "fast-check";
import { expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import { encryptObject } from "../../src/index.ts";
import { compareDocuments, type Difference } from "../../src/tree/compare.ts";
import { SELECTOR_NAMES, type Selector } from "../../src/metadata/selection.ts";
import type { Documents, Node } from "../../src/tree/node.ts";
import type { Plain, PlainObject } from "../../src/tree/plain.ts";
import { setPath, type Path } from "../../src/tree/path.ts";
import { float, int, map, nil, seq, str, entry } from "../../src/tree/node.ts";
import { task } from "../fuzz/generate.ts";
import { sops, sopsmith } from "../fuzz/sides.ts";
import { openedDocuments } from "../opened.ts";
import { alice } from "../keys/fake-host.ts";
import { changeText, decryptBytes, decryptText, encryptBytes, encryptText } from "../verbs.ts";
import { SopsmithError } from "../../src/errors.ts";

// Whatever the document and the selection: a refusal, or a file that opens to the same tree.

const formats = ["yaml", "json", "dotenv", "ini"] as const satisfies readonly FormatName[];

const selector: fc.Arbitrary<Selector[]> = fc.oneof(
  fc.constant<Selector[]>([]),
  fc
    .tuple(
      fc.constantFrom(...SELECTOR_NAMES),
      fc.constantFrom("[a-m]", "^ ?[a-f]", "1", "_x", "^$"),
    )
    .map(([name, value]) => [{ name, value }]),
);

/** The result, or undefined for a refusal; anything but a refusal fails the test. */
async function orRefusal<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SopsmithError) return undefined;
    throw error;
  }
}

async function documentsOf(text: string | Uint8Array, format: FormatName): Promise<Documents> {
  const { parse, asRead } = await loadFormat(format);
  const documents = parse(Buffer.from(text), { sealed: false });
  return asRead?.(documents) ?? documents;
}

/** Where keys and values differ; of numbers and of what a format has no type for, the same text. */
function differenceOf(one: Documents, other: Documents): Difference | undefined {
  const text = (node: Node): string => {
    if (node.kind === "bytes") return Buffer.from(node.value).toString("latin1");
    return "value" in node ? String(node.value) : "null";
  };
  return compareDocuments(one, other, (a, b) => text(a) === text(b)).difference;
}

const LINES = /^\s*"?(?:sops_)?(?:mac|lastmodified)\b/;
const withoutMac = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !LINES.test(line))
    .join("\n");

test.each(formats)(
  "a random %s document is refused, or opens to the same tree, and does not change when it is sealed again",
  { timeout: 120_000 },
  async (format) => {
    let sealedCount = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 4000 }), selector, async (index, selectors) => {
        const plain = task(format, 20_261, index).source;
        const sealed = await orRefusal(encryptBytes(plain, { format, selectors }));
        if (sealed === undefined) return;
        sealedCount++;
        const opened = await decryptBytes(sealed, { format });
        expect(
          differenceOf(await documentsOf(plain, format), await documentsOf(opened, format)),
        ).toBeUndefined();
        const again = (await changeText(sealed, () => true, { format })) ?? "";
        if (format !== "ini") expect(withoutMac(again)).toBe(withoutMac(sealed.toString()));
      }),
      { numRuns: 150 },
    );
    expect(sealedCount).toBeGreaterThan(50);
  },
);

const value: fc.Arbitrary<Node> = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => str(text)),
  fc
    .constantFrom("a\\", '"q"', "`", '"""', "\tx\ny", "<<", "#", "; c", "a\nb", "\r", " x ", "")
    .map((text) => str(text)),
  fc.constantFrom<Node>(
    int(5n),
    float(-0),
    float(1.5),
    float(1e300),
    nil(),
    seq([int(1n)]),
    map([entry("k", str("v"))]),
  ),
);
const name = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.constantFrom("#c", ";c", "-", "<<", "a=b", "a\nb", "a:b", " a", "x_unencrypted", "`", '"q"'),
);

test.each(formats)(
  "set in a %s file refuses, or the file opens to the changed tree",
  { timeout: 120_000 },
  async (format) => {
    const start = {
      yaml: "s:\n  a: 1\n",
      json: '{"s": {"a": 1}}',
      dotenv: "a=1\n",
      ini: "[s]\na = 1\n",
    }[format];
    const file = await encryptText(start, { format });
    await fc.assert(
      fc.asyncProperty(name, fc.boolean(), value, async (key, isNested, node) => {
        const path: Path =
          format === "ini" || (isNested && format !== "dotenv") ? ["s", key] : [key];
        const wanted = await documentsOf(start, format);
        const [root] = wanted;
        if (root === undefined) throw new Error("a document is missing");
        setPath(root, path, structuredClone(node));
        const changed = await orRefusal(
          changeText(
            file,
            ([document]) =>
              document !== undefined && setPath(document, path, structuredClone(node)),
            { format },
          ),
        );
        if (changed === undefined) return;
        const { documents } = await openedDocuments(changed, format);
        const { asRead } = await loadFormat(format);
        expect(differenceOf(asRead?.(wanted) ?? wanted, documents)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  },
);

const { object } = fc.letrec<{ any: Plain; object: PlainObject }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom("x\\", '"x"', "\tx\ny", -0),
    tie("object"),
  ),
  object: fc.dictionary(name, tie("any"), { maxKeys: 4, noNullPrototype: true }),
}));

test.each(formats)(
  "encryptObject to %s refuses, or the file decrypts",
  { timeout: 120_000 },
  async (format) => {
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(
        object,
        fc.constantFrom(undefined, "^z$", "[a-m]"),
        async (plain, encryptedRegex) => {
          const sealed = await orRefusal(
            encryptObject(plain, {
              recipients: { age: alice.recipient },
              format,
              outputFormat: format,
              encryptedRegex,
              env: { HOME: "/nonexistent", SOPS_AGE_KEY: alice.identity },
            }),
          );
          if (sealed === undefined) return;
          await decryptText(sealed.toString(), { format });
          opened++;
        },
      ),
      { numRuns: 150 },
    );
    expect(opened).toBeGreaterThan(10);
  },
);

test("real sops opens what sopsmith writes", { timeout: 240_000 }, async () => {
  for (const format of formats) {
    for (let index = 0; index < 12; index++) {
      const { source, settings } = task(format, 77, index);
      const sealed = await sopsmith.encrypt(source, format, settings);
      if (sealed.exit !== 0) continue;
      const opened = await sops.decrypt(sealed.out, format);
      expect({ index, format, exit: opened.exit }).toEqual({ index, format, exit: 0 });
    }
  }
});
