import { expect, onTestFinished, test } from "vitest";
import { identities, recipients, sealed } from "./samples.ts";
import { sandboxFor } from "./rows.ts";
import { Sandbox } from "./sandbox.ts";

/** Colours, the window's title, a line of its own, and text from right to left. */
const name = "a\u001b[31mRED\u001b]0;title\u0007\nERROR: forged \u202egnp\u2028.yaml";
const hostile = sealed["sealed.yaml"] ?? "";

const lines: readonly (readonly string[])[] = [
  ["updatekeys", "--check", "--recursive", "."],
  ["updatekeys", "--dry-run", name],
  ["updatekeys", "--yes", "--recursive", "."],
  ["updatekeys", "--yes", name],
  ["rotate", "-i", "--recursive", "."],
  ["rotate", "-i", name],
  ["rotate", "-i", "--all-or-nothing", name, "missing.yaml"],
  ["encrypt", "-i", "--age", recipients.A, name],
  ["encrypt", "-i", "--recursive", "--age", recipients.A, "."],
  ["decrypt", "--extract", '["no"]', name],
  ["decrypt", "-i", "--output", "x", name],
  ["set", name, '["secret"]["x"]["y"]', "1"],
  ["set", name, "bad path", "1"],
  ["unset", name, '["no"]'],
  ["groups", "delete", "-i", "--file", name, "7"],
  ["exec-env", name, "true"],
  ["filestatus", "--check", name],
  ["edit", name],
  ["check", "."],
  ["publish", "--yes", name],
  ["--verbose", "rotate", "-i", name],
  ["explain", "missing", name],
  ["types", name],
  ["mergetool", name],
  ["k8s", "check", name],
  ["terraform", name],
  ["operator", "render", name],
  ["keygen", "-o", name],
  ["krm", name],
  ["--config", name, "decrypt", name],
  ["who", `${name}x`],
  ["filestatus", "--check", "--json", name],
  ["filestatus", "--recursive", "."],
  ["explain", "--json", name],
  ["who", "--json"],
  ["secrets", "age", "--json"],
  ["updatekeys", "--check", "--json", name],
];

test.concurrent.each(lines.map((line) => [line.join(" ").replaceAll(name, "NAME"), line] as const))(
  "%s shows a hostile name on one line, spelled out",
  { timeout: 60_000 },
  async (_, line) => {
    for (const identity of [identities.A, identities.B]) {
      const rules = `creation_rules:\n  - age: ${recipients.A},${recipients.B}\n`;
      const box = new Sandbox(
        { [name]: hostile, ".sops.yaml": rules },
        { SOPS_AGE_KEY: identity, EDITOR: "false" },
      );
      const { stdout, stderr } = await box.run(line).finally(() => box.remove());
      const shown = stdout + stderr;
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u202e]/);
      expect(shown).not.toMatch(/^ERROR: forged/m);
    }
  },
);

test("a file that is not encrypted is named on one line", async () => {
  const box = new Sandbox({ [name]: "a: plain\n" });
  const { code, stderr } = await box.run(["filestatus", "--check", name]);
  box.remove();
  expect(stderr).toBe(
    "a\\x1b[31mRED\\x1b]0;title\\x07\\x0aERROR: forged \\u202egnp\\u2028.yaml is not encrypted\nEncrypt with `sopsmith encrypt -i FILE`.\n",
  );
  expect(code).toBe(10);
});

test("JSON of a hostile name is the name again", async () => {
  const box = new Sandbox({ [name]: hostile });
  const { stdout } = await box.run(["filestatus", "--json", name]);
  box.remove();
  expect(JSON.parse(stdout)).toEqual({ file: name, encrypted: true });
});

test("an id in the report of a file that cannot be opened begins no line", async () => {
  const file = JSON.parse(sealed["sealed.json"] ?? "") as { sops: Record<string, unknown> };
  delete file.sops["age"];
  file.sops["hc_vault"] = [
    {
      vault_address: "http://127.0.0.1:9",
      engine_path: "transit",
      key_name: "k\nERROR: forged \u202e",
      created_at: "2026-01-01T00:00:00Z",
      enc: "vault:v1:x",
    },
  ];
  const box = new Sandbox({ "a.json": JSON.stringify(file) }, { VAULT_TOKEN: "t" });
  const { code, stderr } = await box.run(["decrypt", "a.json"]);
  box.remove();
  expect(code).toBe(128);
  expect(stderr).toContain("k\\x0aERROR: forged \\u202e");
  expect(stderr).not.toMatch(/^ERROR|\u202e/m);
});

test("JSON has names as they are, so that a program finds the file", async () => {
  const odd = "a\u001b[31m\nb.yaml";
  const box = sandboxFor(identities.A, {
    [odd]: sealed["sealed.yaml"] ?? "",
    "open\n.yaml": "a: 1\n",
    ".sops.yaml": `creation_rules:\n  - age: ${recipients.B}\n`,
  });
  onTestFinished(() => box.remove());
  const fileOf = (line: string): unknown => (JSON.parse(line) as { file?: unknown }).file;
  const checked = await box.run(["updatekeys", "--check", "--json", odd]);
  expect([fileOf(checked.stdout), fileOf(checked.stderr)]).toEqual([odd, odd]);
  const changed = await box.run(["updatekeys", "--yes", "--json", odd]);
  expect(fileOf(changed.stdout)).toBe(odd);
  const unsealed = await box.run(["updatekeys", "--check", "--json", "open\n.yaml"]);
  expect(fileOf(unsealed.stderr)).toBe("open\n.yaml");
  const gone = await box.run(["filestatus", "--json", "gone\n"]);
  expect(fileOf(gone.stderr)).toBe("gone\n");
});
