import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { counterpart } from "../../counterparts.ts";
import { filesDirectory, runLines, type Outcome } from "./both.ts";
import { departures, lines } from "./lines.ts";

const [identity, otherIdentity] = await Promise.all([generateIdentity(), generateIdentity()]);
const [A, B] = await Promise.all([identity, otherIdentity].map(identityToRecipient));
const keys = mkdtempSync(join(tmpdir(), "sopsmith-keys-"));
const key = join(keys, "keys.txt");
writeFileSync(key, `${identity}\n`, { mode: 0o600 });

const plain = {
  "plain.yaml": "# top\na: 1\nsecret: hello\nl: [1, {k: 1}]\n",
  "plain.json": `{"a": true, "secret": "hello", "l": ["x", "y"]}`,
  "plain.env": "A=1\nSECRET=hello\n",
  "plain.ini": "[s]\nsecret = hello\n",
  "plain.bin": Buffer.of(0, 1, 2, 255),
  "plain.txt": "a: text\n",
  "two.yaml": "a: 1\n---\nb: 2\n",
};
const files = filesDirectory({
  ...plain,
  "bad.yaml": "a: [\n",
  "bad.json": "{",
  "empty.yaml": "",
  "value.json": `"from a file"`,
  "pub.yaml":
    "destination_rules:\n  - path_regex: ^(enc|plain)\\.yaml$\n    s3_bucket: bucket\n    s3_prefix: some/\n  - path_regex: json$\n    recreation_rule: {pgp: AB}\n",
  "conf.yaml": `creation_rules:\n  - age: ${A}\n`,
  "tree/.sops.yaml": `creation_rules:\n  - path_regex: rule\\.yaml$\n    encrypted_regex: ^s\n    age: ${A}\n  - path_regex: ^deep/\n    age: ${A},${B}\n`,
  "keys/.sops.yaml": `creation_rules:\n  - path_regex: current\n    age: ${A}\n  - age: ${A},${B}\n`,
  "tree/rule.yaml": plain["plain.yaml"],
  "tree/none.txt": "x",
  "tree/deep/other.yaml": plain["plain.yaml"],
});
const read = (name: string) => readFileSync(join(files, name), "utf8");
const write = (name: string, content: string | Uint8Array) =>
  writeFileSync(join(files, name), content);

/** Encrypted files are made by sops. */
function sealWithSops(): void {
  const seal = (name: string, ...args: string[]) =>
    execFileSync(counterpart("sops"), ["encrypt", ...args, name], { cwd: files });
  for (const extension of ["yaml", "json", "env", "ini", "bin"])
    write(`enc.${extension}`, seal(`plain.${extension}`, "--age", A ?? ""));
  write("flat.env", read("enc.env"));
  for (const name of ["enc.yaml", "enc.json"]) write(`keys/${name}`, read(name));
  write("keys/current.yaml", read("enc.yaml"));
  write("enc.txt", seal("plain.yaml", "--age", A ?? ""));
  write("two.enc.yaml", seal("two.yaml", "--age", A ?? ""));
  write("other.yaml", seal("plain.yaml", "--age", B ?? ""));
  write("tampered.yaml", read("enc.yaml").replace(/ *- ENC\[[^\n]*\n/, ""));
  write("broken-value.yaml", read("enc.yaml").replace(/(secret: ENC\[AES256_GCM,data:)./, "$1_"));
  write(
    "groups.conf",
    `creation_rules:\n  - key_groups:\n      - age: [${A}]\n      - age: [${A}]\n`,
  );
  const groups = ["--config", "groups.conf", "encrypt", "plain.yaml"];
  write("groups.yaml", execFileSync(counterpart("sops"), groups, { cwd: files }));
}

const texts = lines.map(({ line }) => line.replaceAll("$A", A ?? "").replaceAll("$B", B ?? ""));
const real: Outcome[] = [];
const ours: Outcome[] = [];

beforeAll(async () => {
  sealWithSops();
  // Two shells for the slower start: as many as there are processors on the smallest machine.
  const half = Math.ceil(texts.length / 2);
  const [sops, first, second] = await Promise.all([
    runLines("sops", texts, files, key),
    runLines("sopsmith", texts.slice(0, half), files, key),
    runLines("sopsmith", texts.slice(half), files, key),
  ]);
  real.push(...sops);
  ours.push(...first, ...second);
}, 120_000);

afterAll(() => {
  rmSync(files, { recursive: true });
  rmSync(keys, { recursive: true });
});

test("there are a hundred lines and more, no two of them the same, and each departure is needed", () => {
  expect(lines.length).toBeGreaterThanOrEqual(100);
  expect(new Set(texts).size).toBe(texts.length);
  const used = new Set(lines.flatMap(({ differs }) => differs ?? []));
  expect(Object.keys(departures).toSorted()).toEqual([...used].toSorted());
  for (const { spec } of Object.values(departures))
    expect(spec).toMatch(/^(?:cli|file-format)[ ,]/);
});

describe("sopsmith does as sops", () => {
  test.each(lines.map((line, i) => [line.line, line, i] as const))(
    "%s",
    (_, { says, differs }, i) => {
      const [theirs, own] = [real[i], ours[i]];
      if (theirs === undefined || own === undefined) throw new Error("the line did not run");
      const free: readonly string[] = differs === undefined ? [] : departures[differs].in;
      const shown = ({ code, stdout, files: left }: Outcome) => ({
        code: free.includes("code") ? "" : code,
        stdout: free.includes("stdout") ? "" : stdout,
        files: free.includes("files") ? {} : left,
      });
      expect(shown(own), own.stderr).toEqual(shown(theirs));
      for (const { stderr } of [theirs, own]) expect(stderr).toMatch(says ?? /^$/);
      if (differs !== undefined)
        expect([own.code, own.stdout, own.files]).not.toEqual([
          theirs.code,
          theirs.stdout,
          theirs.files,
        ]);
    },
  );
});
