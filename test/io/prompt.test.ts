import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ending, scratchDir, startScript } from "./script.ts";

const rounds = `
const { awaitEnter } = await io("prompt.ts");
for (;;) { const answer = await awaitEnter(); console.log(answer); if (answer === "eof") break; }`;

test.each([
  ["", "eof\n"],
  ["\n", "enter\neof\n"],
  ["yes\n\nrest", "enter\nenter\neof\n"],
])("counts the lines of %j on stdin", async (input, output) => {
  const child = startScript(rounds, [], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.end(input);
  expect(await ending(child)).toMatchObject({ status: 0, stdout: output });
});

test("stops reading after the line, so that the process can end and an editor gets the keys", async () => {
  const child = startScript(
    `const { awaitEnter } = await io("prompt.ts"); console.log(await awaitEnter());`,
    [],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  child.stdin?.write("\n");
  expect(await ending(child)).toMatchObject({ status: 0, stdout: "enter\n" });
});

const ask = `
const { promptSecret } = await import(process.argv[2]);
try { const answer = await promptSecret("Enter passphrase for identity 'X': "); process.stderr.write("[" + answer + "]\\n"); }
catch (error) { process.stderr.write("[" + error.exitCode + " " + error.message + "]\\n"); }`;

/** In a pseudo-terminal; stdin and stderr of the program itself are files. */
function inTerminal(keys: string): { screen: string; answer: string } {
  const dir = scratchDir();
  writeFileSync(join(dir, "ask.mjs"), ask);
  const prompt = `file://${join(import.meta.dirname, "../../src/io/prompt.ts")}`;
  const quoted = [process.execPath, join(dir, "ask.mjs"), prompt]
    .map((word) => `'${word}'`)
    .join(" ");
  // The keys come after the prompt, as a user's do.
  const feed = `{ sleep 1.2; printf '%b' '${keys}'; sleep 0.6; } | script -qec "${quoted} < /dev/null 2> ${dir}/answer" /dev/null; cat ${dir}/answer >&2`;
  const { stdout, stderr } = spawnSync("sh", ["-c", feed], { encoding: "utf8" });
  return { screen: stdout, answer: stderr };
}

test("reads a secret from the terminal without showing it and wipes the prompt", () => {
  const { screen, answer } = inTerminal("corréct horse\\r");
  expect(answer).toBe("[corréct horse]\n");
  expect(screen).toContain("Enter passphrase for identity 'X':");
  expect(screen).not.toMatch(/c.?o.?r.?r|horse|\*\*/);
  expect(screen).toMatch(/\u001b\[[012]?[JK]/);
});

test("ends with sops's message when the user cancels", () => {
  expect(inTerminal("secret\\003").answer).toBe("[1 User canceled operation]\n");
});

test("gives nothing where there is no terminal", async () => {
  const child = startScript(
    `const { promptSecret } = await io("prompt.ts"); console.log(String(await promptSecret("x: ")));`,
    [],
    { wrap: ["setsid", "--wait"] },
  );
  expect((await ending(child)).stdout).toBe("undefined\n");
});
