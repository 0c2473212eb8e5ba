import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { mergeSources, type MergeOptions } from "../../src/merge.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { counterpart } from "../counterparts.ts";
import { alice } from "../keys/fake-host.ts";
import { aliceHost, changeText, decryptText, encryptText } from "../verbs.ts";
import { oracle } from "./oracle.ts";
import { encryptedAs, textFile } from "./sides.ts";

/** Entries of a flat document, in order. */
type Flat = readonly (readonly [string, string])[];

const keys = ["a", "b", "c", "d", "e_unencrypted"];
const flat = fc
  .uniqueArray(
    fc.tuple(fc.constantFrom(...keys), fc.constantFrom("x", "y", "z", "12", "true", "two words")),
    { selector: ([key]) => key, minLength: 1, maxLength: 5 },
  )
  .map((entries): Flat => entries);

/** A side: some entries changed, removed, or added at the end. */
const edit = fc.record({
  changed: fc.dictionary(fc.constantFrom(...keys), fc.constantFrom("m", "n", "o")),
  removed: fc.constantFrom("", ...keys),
  added: fc.constantFrom("", "f", "g"),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function edited(base: Flat, { changed, removed, added }: Edit, value: string): Flat {
  const kept = base
    .filter(([key]) => key !== removed)
    .map(([key, old]): [string, string] => [key, changed[key] ?? old]);
  return added === "" ? kept : [...kept, [added, value]];
}

const sides = fc
  .tuple(flat, edit, edit)
  .map(([base, mine, yours]) => [base, edited(base, mine, "p"), edited(base, yours, "q")] as const)
  .filter((all) => all.every((side) => side.length > 0));

const options = (
  format: FormatName,
  layout: "keep" | "sops",
  warnings: string[],
): MergeOptions => ({
  file: `secrets.${format}`,
  format,
  order: ["age"],
  services: [localKeyService],
  layout,
  labels: { ours: "ours", theirs: "theirs" },
  warn: (message) => warnings.push(message),
});

const asObject = (entries: Flat): unknown => Object.fromEntries(entries);
const lines = (entries: Flat, between: string): string =>
  entries.map(([key, value]) => `${key}${between}${value}\n`).join("");
const quoted = (entries: Flat): Flat => entries.map(([key, value]) => [key, `'${value}'`]);

/** How a document is written for a format, with the author's layout where one is to be kept. */
const kinds = {
  yaml: { format: "yaml", layout: "sops", write: (e: Flat) => lines(quoted(e), ": ") },
  "yaml, kept": {
    format: "yaml",
    layout: "keep",
    write: (e: Flat) =>
      `# head\n\n${e.map(([key, value]) => `${key}:   '${value}'  # of ${key}\n`).join("\n")}`,
  },
  dotenv: { format: "dotenv", layout: "sops", write: (e: Flat) => lines(e, "=") },
  ini: { format: "ini", layout: "sops", write: (e: Flat) => `[s]\n${lines(e, " = ")}` },
} as const satisfies Record<
  string,
  { format: FormatName; layout: "keep" | "sops"; write: (entries: Flat) => string }
>;

const ciphertexts = (text: string): string[] => text.match(/ENC\[[^\]]*\]/g) ?? [];

/** Plain values as JSON by sops itself. */
function openedBySops(program: "sops" | "sops311", text: string, format: FormatName): unknown {
  const type = ["--input-type", format, "--output-type", "json"];
  const { stdout, stderr } = spawnSync(counterpart(program), ["decrypt", ...type, textFile(text)], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", SOPS_AGE_KEY: alice.identity },
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout) as unknown;
}

/** An edit in the editor. */
async function typed(sealed: string, text: string, format: FormatName, layout: "keep" | "sops") {
  if (layout === "sops") return encryptedAs(sealed, text, format);
  const changed = await changeText(
    sealed,
    (_documents, _metadata, own) => (own === undefined ? false : Buffer.from(text)),
    { format, layout },
  );
  return changed ?? sealed;
}

test.each(Object.entries(kinds))(
  "random merges of %s agree with an independent merge of plain values",
  { timeout: 300_000 },
  async (_, { format, layout, write }) => {
    let [opened, lost] = [0, 0];
    await fc.assert(
      fc.asyncProperty(sides, async (three) => {
        const [base, ours, theirs] = three.map(write) as [string, string, string];
        const o = await encryptText(base, { format, layout });
        const [a, b] = [
          await typed(o, ours, format, layout),
          await typed(o, theirs, format, layout),
        ];
        const bytes = { base: Buffer.from(o), ours: Buffer.from(a), theirs: Buffer.from(b) };
        const warnings: string[] = [];
        const merged = await mergeSources(bytes, options(format, layout, warnings), aliceHost);
        const text = joinChunks(merged.chunks).toString();
        const expected = oracle(...(three.map(asObject) as [unknown, unknown, unknown]));
        expect(new Set(merged.conflicts.map(({ path }) => path.at(-1)))).toEqual(
          new Set(expected.conflicts.map((at) => at.slice(1))),
        );
        const before = new Set([o, a, b].flatMap(ciphertexts));
        const made = ciphertexts(text).filter((one) => !before.has(one));
        if (layout === "sops") expect(made.length).toBeLessThanOrEqual(merged.conflicts.length + 1);
        if (merged.conflicts.length > 0) {
          expect(text).toMatch(/^<{7} ours$/m);
          return;
        }
        const plain = await decryptText(text, { format, output: "json", layout: "sops" });
        const value = JSON.parse(plain) as Record<string, unknown>;
        const flatValue = format === "ini" ? value["s"] : value;
        // INI has sections without values too.
        expect(JSON.stringify(flatValue ?? {})).toBe(JSON.stringify(expected.value));
        if (warnings.length > 0) {
          expect([layout, warnings]).toEqual([
            "keep",
            [expect.stringMatching(/^its layout is lost/)],
          ]);
          lost++;
        } else if (layout === "keep") {
          const kept = await decryptText(text, { format, layout });
          for (const [key, said] of Object.entries(expected.value as Record<string, string>))
            expect(kept).toContain(`${key}:   '${said}'  # of ${key}\n`);
        }
        if (opened++ < 12)
          for (const program of ["sops", "sops311"] as const)
            expect(openedBySops(program, text, format)).toEqual(value);
      }),
      { numRuns: format === "yaml" ? 1000 : 200, seed: 15 },
    );
    expect(opened).toBeGreaterThan(12);
    // Where one side removed or added lines beside a line that the other one changed.
    expect(lost).toBeLessThan(opened / 2);
  },
);
