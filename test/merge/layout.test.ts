import { expect, test } from "vitest";
import { changeSource } from "../../src/change.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { mergeSources, type MergeOptions } from "../../src/merge.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { aliceHost, decryptText, encryptText } from "../verbs.ts";

const options = (warnings: string[]): MergeOptions => ({
  file: "secrets.yaml",
  format: "yaml",
  order: ["age"],
  services: [localKeyService],
  layout: "keep",
  labels: { ours: "ours", theirs: "theirs" },
  warn: (message) => warnings.push(message),
});

const base = `# Shop database

db:
  user:  'shop'   # read only
  pass: "pw1"

ports: [80, 443]
note: |
  two
  lines
`;

/** An edit in the editor: the text that was typed. */
async function edited(sealed: string, text: string): Promise<string> {
  const chunks = await changeSource(
    Buffer.from(sealed),
    { ...options([]), input: "yaml", output: "yaml" },
    (_documents, _metadata, own) => {
      expect(own).toBeDefined();
      return Buffer.from(text);
    },
    aliceHost,
  );
  return joinChunks(chunks ?? []).toString();
}

async function merged(ours: string, theirs: string) {
  const o = await encryptText(base, { layout: "keep" });
  const [a, b] = [await edited(o, ours), await edited(o, theirs)];
  const warnings: string[] = [];
  const { chunks, conflicts } = await mergeSources(
    { base: Buffer.from(o), ours: Buffer.from(a), theirs: Buffer.from(b) },
    options(warnings),
    aliceHost,
  );
  const text = joinChunks(chunks).toString();
  const plain = conflicts.length > 0 ? "" : await decryptText(text, { layout: "keep" });
  return { text, plain, conflicts, warnings };
}

test("changes of both sides, comments and spaces too, come together in the author's layout", async () => {
  const result = await merged(
    base.replace('"pw1"', '"pw2"').replace("Shop", "The shop's"),
    base
      .replace("'shop'   # read only", "'store'   # read and write")
      .replace("[80, 443]", "[80, 443, 8080]"),
  );
  expect(result).toMatchObject({ conflicts: [], warnings: [] });
  expect(result.plain).toBe(
    base
      .replace('"pw1"', '"pw2"')
      .replace("Shop", "The shop's")
      .replace("'shop'   # read only", "'store'   # read and write")
      .replace("[80, 443]", "[80, 443, 8080]"),
  );
});

test("elements of one line that both sides changed are a conflict around that line", async () => {
  const result = await merged(
    base.replace("[80, 443]", "[81, 443]"),
    base.replace("[80, 443]", "[80, 444]"),
  );
  // One region of the list, changed in two ways.
  expect(result.conflicts).toMatchObject([{ path: ["ports", 0] }]);
  expect(result.text).toMatch(/^<{7} ours\nports: \[.*\n={7}\nports: \[.*\n>{7} theirs\n/m);
});

test("keys that both sides added at one place are both there: theirs follows what precedes it there", async () => {
  const result = await merged(
    base.replace("  pass:", "  host: 'a'\n  pass:"),
    base.replace("  pass:", "  port: 1\n  pass:"),
  );
  expect(result).toMatchObject({ conflicts: [], warnings: [] });
  expect(result.plain).toBe(base.replace("  pass:", "  port: 1\n  host: 'a'\n  pass:"));
});

test("theirs without a layout, as sops leaves it, goes into the layout of ours", async () => {
  const o = await encryptText(base, { layout: "keep" });
  const a = await edited(o, base.replace('"pw1"', '"pw2"'));
  const theirs = await changeSource(
    Buffer.from(o),
    { ...options([]), layout: "sops", input: "yaml", output: "yaml" },
    ([first]) => {
      const entry = first?.items.find((item) => item.kind === "entry" && item.key === "note");
      if (entry?.kind !== "entry") return false;
      entry.value = { kind: "str", value: "one line", start: -1, end: -1 };
      return true;
    },
    aliceHost,
  );
  const b = joinChunks(theirs ?? []).toString();
  expect(b).not.toContain("sopsmith-layout");
  const warnings: string[] = [];
  const { chunks, conflicts } = await mergeSources(
    { base: Buffer.from(o), ours: Buffer.from(a), theirs: Buffer.from(b) },
    options(warnings),
    aliceHost,
  );
  expect(conflicts).toEqual([]);
  const plain = await decryptText(joinChunks(chunks).toString(), { layout: "keep" });
  expect(plain).toContain("user:  'shop'   # read only");
  expect(plain).toContain('pass: "pw2"');
  expect(plain).toContain("one line");
});
