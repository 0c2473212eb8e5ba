import { rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { expectCode, sandboxFor } from "../rows.ts";
import { identities, recipients, sealed, yamlText } from "../samples.ts";

const change = { EDITOR: "sed -i s/hello/changed/" };
const insertKey = 'sh -c \'sed -i "s/^    age:/    age:\\n        - recipient: $NEW/" "$0"\'';

describe("edit --show-master-keys", () => {
  test(
    "shows the block, and applies changed values and added and removed keys",
    { timeout: 60_000 },
    async () => {
      const box = sandboxFor(identities.A, { "sealed.yaml": sealed["sealed.yaml"] ?? "" });
      const unchanged = await box.run(["edit", "-s", "sealed.yaml"], { env: { EDITOR: "cat" } });
      expect(unchanged.code).toBe(200);
      expect(unchanged.stdout).toMatch(/^# top\na: 1\nsecret: hello\n[^]*\nsops:\n {4}age:\n/);
      const added = await box.run(["edit", "--show-master-keys", "sealed.yaml"], {
        env: { EDITOR: insertKey, NEW: recipients.B },
      });
      expectCode(added, 0);
      const byB = await box.run(["decrypt", "sealed.yaml"], {
        env: { SOPS_AGE_KEY: identities.B },
      });
      expect(byB).toEqual({ code: 0, stdout: yamlText, stderr: "" });
      const value = await box.run(["edit", "-s", "sealed.yaml"], { env: change });
      expectCode(value, 0);
      const after = await box.run(["decrypt", "sealed.yaml"]);
      expect(after.stdout).toBe(yamlText.replace("hello", "changed"));
      box.remove();
    },
  );

  test("returns to the editor if the block cannot be used", { timeout: 60_000 }, async () => {
    const box = sandboxFor(identities.A, { "sealed.yaml": sealed["sealed.yaml"] ?? "" });
    const broken = await box.run(["edit", "-s", "sealed.yaml"], {
      env: { EDITOR: "sed -i s/lastmodified/last/" },
    });
    expect(broken).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^SOPS metadata is invalid\. Press enter/),
    });
    rmSync(box.path("sealed.yaml.rescue"));
    const keyless = await box.run(["edit", "-s", "sealed.yaml"], {
      env: { EDITOR: "sed -i 's/^    age:/    other:/'" },
    });
    expect(keyless).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^No master keys were provided, so sops can't encrypt the file\. Press/,
      ),
    });
    rmSync(box.path("sealed.yaml.rescue"));
    const wrong = await box.run(["edit", "-s", "sealed.yaml"], {
      env: { EDITOR: insertKey, NEW: "age1nonsense" },
    });
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^SOPS metadata is invalid\. Press enter/),
    });
    expect(box.read("sealed.yaml")).toBe(sealed["sealed.yaml"]);
    box.remove();
  });

  test("works for a new file", { timeout: 60_000 }, async () => {
    const box = sandboxFor(identities.B, {});
    const result = await box.run(["edit", "-s", "--age", recipients.A, "new.yaml"], {
      env: { EDITOR: insertKey, NEW: recipients.B },
    });
    expectCode(result, 0);
    const opened = await box.run(["decrypt", "new.yaml"]);
    expect(opened.stdout).toMatch(/^hello: Welcome/);
    box.remove();
  });
});
