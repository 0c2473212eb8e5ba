import { parse as parseEnv } from "dotenv";
import fc from "fast-check";
import { parse as parseIni } from "ini";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadFormat } from "../../formats/index.ts";
import { encrypt, loadEnv, loadIni, decryptFileObject } from "../../src/index.ts";
import { toPlain } from "../../src/tree/plain.ts";
import { identities, recipients } from "../cli/samples.ts";

const dir = mkdtempSync(join(tmpdir(), "sopsmith-load-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function encrypted(name: string, text: string, format: "dotenv" | "ini"): Promise<string> {
  const path = join(dir, name);
  writeFileSync(path, await encrypt(text, { format, recipients: { age: recipients.A } }));
  return path;
}

test("loads an encrypted ENV file as dotenv reads it, and leaves set variables alone", async () => {
  const path = await encrypted("a.env", "export A='one two'\nB=2 # note\nC=\n", "dotenv");
  const into: Record<string, string | undefined> = { B: "kept" };
  expect(await loadEnv(path, { identities: identities.A, into })).toEqual({
    A: "one two",
    B: "2",
    C: "",
  });
  expect(into).toEqual({ A: "one two", B: "kept", C: "" });
});

test("reads an ENV file's object as sops does: the text as it is", async () => {
  const path = await encrypted("b.env", "export A='one two'\n", "dotenv");
  expect(await decryptFileObject(path, { identities: identities.A })).toEqual({
    "export A": "'one two'",
  });
});

test("loads an encrypted INI file as the ini package reads it", async () => {
  const path = await encrypted("a.ini", "[db.main]\nhost = h\non = true\n", "ini");
  expect(await loadIni(path, { identities: identities.A })).toEqual({
    db: { main: { host: "h", on: true } },
  });
});

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/).filter((n) => n !== "__proto__");
const value = fc.stringMatching(/^(?:[A-Za-z0-9/+._-][A-Za-z0-9/+._ -]{0,10}[A-Za-z0-9])?$/);

test("agrees with the dotenv package on plain assignments", async () => {
  const { parse } = await loadFormat("dotenv");
  fc.assert(
    fc.property(fc.dictionary(name, value), (variables) => {
      const text = Object.entries(variables)
        .map(([k, v]) => `${k}=${v}\n`)
        .join("");
      const [document] = parse(Buffer.from(text), { sealed: false });
      expect(document && { ...toPlain(document) }).toEqual({ ...parseEnv(text) });
    }),
  );
});

test("agrees with the ini package on plain sections", async () => {
  const { parse } = await loadFormat("ini");
  const text = value.filter((v) => !/^(?:true|false|null)$/.test(v));
  fc.assert(
    fc.property(fc.dictionary(name, fc.dictionary(name, text, { minKeys: 1 })), (sections) => {
      const lines = Object.entries(sections).map(
        ([section, keys]) =>
          `[${section}]\n${Object.entries(keys)
            .map(([k, v]) => `${k} = ${v}\n`)
            .join("")}`,
      );
      const [document] = parse(Buffer.from(lines.join("")), { sealed: false });
      const { DEFAULT, ...ours } = document ? toPlain(document) : {};
      expect(DEFAULT).toEqual({});
      expect(JSON.parse(JSON.stringify(ours))).toEqual(
        JSON.parse(JSON.stringify(parseIni(lines.join("")))),
      );
    }),
  );
});
