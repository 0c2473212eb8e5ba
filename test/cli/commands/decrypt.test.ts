import { describe, expect, test } from "vitest";
import { checkRows, holds, holdsBytes, words } from "../rows.ts";
import { identities, plain, sealed, yamlText } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

checkRows([
  { line: "decrypt sealed.yaml", stdout: yamlText },
  { line: "decrypt sealed.json", stdout: `{\n\t"a": 1,\n\t"secret": "hello"\n}\n` },
  { line: "decrypt sealed.env", stdout: "A=1\nSECRET=hello\n" },
  { line: "decrypt sealed.ini", stdout: "[s]\nsecret = hello\n" },
  {
    line: "decrypt --output out sealed.bin",
    after: holdsBytes("out", plain["plain.bin"]),
  },
  { line: "decrypt -i sealed.yaml", after: holds("sealed.yaml", yamlText) },
  {
    line: "decrypt -i --no-atomic sealed.yaml",
    after: holds("sealed.yaml", yamlText),
  },
  {
    line: "decrypt sealed.yaml --output out",
    after: holds("out", yamlText),
  },
  { line: "decrypt --output-type json sealed.yaml", stdout: /^\{\n\t"a": 1/ },
  {
    line: "decrypt --output-type binary sealed.yaml",
    code: 4,
    stderr: /^Error dumping file: .*sealed\.yaml/s,
  },
  {
    line: "decrypt --input-type json sealed.yaml",
    code: 1,
    stderr: /^Could not unmarshal input data: /,
  },
  { line: "decrypt --filename-override x.json sealed.json", stdout: /^\{\n\t"a": 1/ },
  { line: "--indent 7 decrypt sealed.json", stdout: /^\{\n {7}"a": 1/ },
  { line: `decrypt --extract '["secret"]' sealed.yaml`, stdout: "hello" },
  { line: `decrypt --extract '["l"][1]["k"]' sealed.yaml`, stdout: "1\n" },
  {
    line: `decrypt -i --extract '["secret"]' sealed.yaml`,
    after: holds("sealed.yaml", "hello"),
  },
  { line: "decrypt --extract '' sealed.yaml", stdout: yamlText },
  {
    line: "decrypt --extract secret sealed.yaml",
    code: 91,
    stderr: /^error parsing --extract path: component /,
  },
  {
    line: "decrypt --extract secret sealed.yaml",
    env: { SOPS_AGE_KEY: "" },
    code: 91,
    stderr: /^error parsing --extract path: /,
  },
  {
    line: "decrypt --extract '[]' sealed.yaml",
    code: 2,
    stderr: /^error parsing --extract path: /,
  },
  {
    line: `decrypt --extract '["zz"]' sealed.yaml`,
    code: 1,
    stderr: /^error truncating tree: component \['zz'\] not found/,
  },
  {
    line: `decrypt --extract '["l"][-1]' sealed.yaml`,
    code: 2,
    stderr: /^error truncating tree: /,
  },
  {
    line: "decrypt --decryption-order age,age sealed.yaml",
    code: 112,
    stderr: /^Duplicate decryption key type: age\n/,
  },
  {
    line: "decrypt sealed.yaml",
    env: { SOPS_DECRYPTION_ORDER: "kms,kms" },
    code: 112,
    stderr: /^Duplicate decryption key type: kms\n/,
  },
  { line: "decrypt --decryption-order kms,what sealed.yaml", stdout: yamlText },
  {
    line: "decrypt --decryption-order age,age --extract secret sealed.yaml",
    code: 112,
    stderr: /^Duplicate/,
  },
  {
    line: "decrypt sealed.yaml",
    env: { SOPS_AGE_KEY: "" },
    code: 128,
    stderr: /^Failed to get the data key required to decrypt the SOPS file\.\n/,
  },
  {
    line: "decrypt --enable-local-keyservice=false sealed.yaml",
    code: 128,
    stderr: /^Failed to get the data key required to decrypt the SOPS file/,
  },
  { line: "decrypt plain.yaml", code: 1, stderr: /^sops metadata not found.*plain\.yaml/ },
  {
    line: "decrypt nofile.yaml",
    code: 100,
    stderr: /^Error: cannot operate on non-existent file /,
  },
  { line: "decrypt help", code: 100, stderr: /non-existent file ".*help"/ },
  {
    line: "decrypt -i",
    code: 8,
    stderr: /^Error: cannot use --in-place when reading from stdin\n/,
  },
  {
    line: "decrypt -i --output x sealed.yaml",
    code: 8,
    stderr: /^Error: cannot operate on both --output and --in-place\n/,
  },
  {
    line: "decrypt sealed.yaml --nope",
    stdout: yamlText,
    stderr: /^WARN: More than one .*\nWARN: Note that one of the ignored .*"--nope"/,
  },
  {
    line: "decrypt sealed.yaml -i sealed.json",
    after: (box) => {
      holds("sealed.yaml", yamlText)(box);
      holds("sealed.json", /"hello"/)(box);
    },
    stderr: /^2 files decrypted\n$/,
  },
  {
    line: "--output o decrypt sealed.yaml",
    stdout: yamlText,
    stderr: /^WARN: --output in front of "decrypt" has no effect/,
  },
]);

describe("decrypt from stdin", () => {
  test.concurrent.each([
    ["--input-type yaml --output-type yaml", 0, yamlText],
    ["--filename-override x.yaml", 0, yamlText],
    ["--input-type yaml", 4, ""],
    ["", 0, yamlText],
  ])("with the flags: %s", async (flags, code, stdout) => {
    const box = new Sandbox({}, { SOPS_AGE_KEY: identities.A });
    const result = await box.run(["decrypt", ...words(flags)], {
      stdin: sealed["sealed.yaml"] ?? "",
    });
    box.remove();
    expect(result).toMatchObject({ code, stdout });
  });
});

describe("a file whose content was changed", () => {
  const tampered = () => sealed["sealed.yaml"]?.replace(/\nl:\n.*\n/, "\nl:\n") ?? "";
  test.concurrent.each([
    ["decrypt", 51, /^MAC mismatch\./],
    ["-d", 51, /^MAC mismatch\./],
    ["rotate", 51, /^MAC mismatch\./],
    ["-r", 51, /^MAC mismatch\./],
    ["decrypt --ignore-mac", 0, /^$/],
    ["-d --ignore-mac", 0, /^$/],
    ["-r --ignore-mac", 0, /^$/],
  ])("%s ends with status %d", async (line, code, stderr) => {
    const box = new Sandbox({ "sealed.yaml": tampered() }, { SOPS_AGE_KEY: identities.A });
    const result = await box.run([...words(line), "sealed.yaml"]);
    box.remove();
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(stderr);
    expect(result.stdout === "").toBe(code !== 0);
  });

  test.concurrent.each([
    [`set`, `'["secret"]' '"x"'`],
    [`unset`, `'["secret"]'`],
  ])("%s refuses it with status 51, but not with --ignore-mac", async (command, operands) => {
    const box = new Sandbox({ "sealed.yaml": tampered() }, { SOPS_AGE_KEY: identities.A });
    const refused = await box.run([command, "sealed.yaml", ...words(operands)]);
    const untouched = box.read("sealed.yaml") === tampered();
    const taken = await box.run([command, "--ignore-mac", "sealed.yaml", ...words(operands)]);
    const healed = await box.run(["decrypt", "sealed.yaml"]);
    box.remove();
    expect([refused.code, untouched, taken.code, healed.code]).toEqual([51, true, 0, 0]);
  });
});
