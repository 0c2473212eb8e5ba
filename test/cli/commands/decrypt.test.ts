import { describe, expect, test } from "vitest";
import { checkRows, words } from "../rows.ts";
import { identities, sealed, yamlText } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";
import { rows } from "./decrypt.rows.ts";

checkRows(rows);

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
