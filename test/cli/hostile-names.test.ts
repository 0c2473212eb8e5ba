import { expect, test } from "vitest";
import { identities, recipients, sealed } from "./samples.ts";
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
      const isJson = line[0] === "filestatus";
      const shown = isJson ? stderr : stdout + stderr;
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u202e]/);
      expect(shown).not.toMatch(/^ERROR: forged/m);
    }
  },
);
