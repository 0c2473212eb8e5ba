import { expect, test } from "vitest";
import { inTerminal } from "../io/script.ts";
import { protectedIdentityFile } from "../keys/age/protected-file.ts";
import { shellProgram } from "./program-under-test.ts";
import { lacks, sandboxFor } from "./rows.ts";
import { identities, sealed } from "./samples.ts";

/** What the screen shows after a command with a protected identity file; the terminal stays open. */
async function runProtected(typed: string, command: string): Promise<string> {
  const box = sandboxFor("", {
    ...sealed,
    "key.age": protectedIdentityFile(identities.A, "correct horse"),
  });
  try {
    return await inTerminal(
      `cd '${box.dir}' && ${command}; echo "[$?]"`,
      [{ after: "Enter passphrase for identity", type: typed }],
      { ...box.env, SOPS_AGE_KEY_FILE: "key.age" },
    );
  } finally {
    lacks("sealed.yaml", "correct horse")(box);
    box.remove();
  }
}

test("a passphrase typed in a terminal opens the identity, and the program ends", async () => {
  const screen = await runProtected("correct horse\r", `${shellProgram} decrypt sealed.yaml`);
  expect(screen).toContain("secret: hello\r\n");
  expect(screen).toMatch(/\[0\]\r\n$/);
  expect(screen).not.toContain("horse");
});

test("a wrong passphrase is said to be wrong, and the program ends", async () => {
  const screen = await runProtected("battery staple\r", `${shellProgram} decrypt sealed.yaml`);
  expect(screen).toContain("incorrect passphrase");
  expect(screen).toMatch(/\[128\]\r\n$/);
  expect(screen).not.toContain("staple");
});

test("Ctrl+C at the passphrase ends the program", async () => {
  const screen = await runProtected("\u0003", `${shellProgram} decrypt sealed.yaml`);
  expect(screen).toMatch(/\[[1-9]\d*\]\r\n$/);
});
