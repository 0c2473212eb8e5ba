import { readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { checkRows, expectCode, sandboxFor } from "../rows.ts";
import { sealed, yamlText } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";
import { rows, key } from "./keygen.rows.ts";

checkRows(rows);

test("a new key file is for its owner alone", { timeout: 60_000 }, async () => {
  const box = new Sandbox();
  expectCode(await box.run(["keygen", "-o", "key.txt"]), 0);
  const { mode } = statSync(box.path("key.txt"));
  box.remove();
  expect(mode & 0o777).toBe(0o600);
});

test(
  "keygen --default makes keys that decrypt finds by itself, and keeps older ones",
  { timeout: 60_000 },
  async () => {
    const box = sandboxFor("", { ...sealed, "plain.yaml": yamlText });
    const config = { XDG_CONFIG_HOME: box.path("config") };
    const first = await box.run(["keygen", "--default"], { env: config });
    expectCode(first, 0);
    const recipient = first.stdout.trim();
    expect(recipient).toMatch(/^age1\w+$/);
    expectCode(await box.run(["encrypt", "-i", "--age", recipient, "plain.yaml"]), 0);
    expectCode(await box.run(["keygen", "--default", "--no-atomic", "-pq"], { env: config }), 0);
    const opened = await box.run(["decrypt", "plain.yaml"], { env: config });
    expect(opened.stdout).toBe(yamlText);
    const keys = readFileSync(box.path("config/sops/age/keys.txt"), "utf8");
    expect(keys.match(/^AGE-SECRET-KEY-/gm)).toHaveLength(2);
    box.remove();
  },
);

test("a key given by name in SOPS_AGE_KEY_FILE opens files", { timeout: 60_000 }, async () => {
  const box = sandboxFor("", { ...sealed, ...key });
  const opened = await box.run(["decrypt", "sealed.yaml"], {
    env: { SOPS_AGE_KEY_FILE: box.path("key.txt") },
  });
  box.remove();
  expect(opened).toEqual({ code: 0, stdout: yamlText, stderr: "" });
});
