import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
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

const questions = `
const { askYesNo } = await io("prompt.ts");
try { for (;;) console.log(await askYesNo("Sure? (y/n):")); }
catch (error) { console.log(error.exitCode + " " + error.message); }`;

test.each([
  ["y\n n \n", "Sure? (y/n):true\nSure? (y/n):false\nSure? (y/n):1 EOF"],
  ["y", "Sure? (y/n):true\nSure? (y/n):1 EOF"],
  ["yes\nY\nn\n", "Sure? (y/n):Sure? (y/n):Sure? (y/n):false\nSure? (y/n):1 EOF"],
  ["y\n\n", "Sure? (y/n):true\nSure? (y/n):1 unexpected newline"],
  ["y es\n", "Sure? (y/n):1 expected newline"],
])("reads the answers %j from stdin, as sops does", async (input, output) => {
  const child = startScript(questions, [], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.end(input);
  const { stdout } = await ending(child);
  expect(stdout).toBe(`${output}: stdin does not answer "Sure? (y/n):"\n`);
});

/** Two questions in a terminal; stdout is the screen. */
async function answerInTerminal(
  keys: readonly string[],
): Promise<{ screen: string; answer: string }> {
  const dir = scratchDir();
  writeFileSync(
    join(dir, "ask.mjs"),
    `const { askYesNo } = await import(process.argv[2]);
     try { for (let i = 0; i < 2; i++) process.stderr.write("[" + (await askYesNo("\\nSure? (y/n): ")) + "]"); }
     catch (error) { process.stderr.write("[" + error.exitCode + " " + error.message + "]"); }`,
  );
  const prompt = `file://${join(import.meta.dirname, "../../src/io/prompt.ts")}`;
  const screen = await inTerminal(
    `'${process.execPath}' '${dir}/ask.mjs' '${prompt}' 2> '${dir}/answer'`,
    keys.map((type) => ({ after: "Sure? (y/n):", type })),
  );
  return { screen, answer: readFileSync(join(dir, "answer"), "utf8") };
}

test("asks on a terminal until the answer is y or n", async () => {
  const { screen, answer } = await answerInTerminal(["maybe\r", "\u0015y\r", "n\r"]);
  expect(answer).toBe("[true][false]");
  expect(screen).toContain("Answer y or n.");
});

test("a question left by Ctrl+C ends with sops's message", async () => {
  expect((await answerInTerminal(["\u0003"])).answer).toBe("[1 User canceled operation]");
});

const ask = `
const { promptSecret } = await import(process.argv[2]);
try { const answer = await promptSecret("Enter passphrase for identity 'X': "); process.stderr.write("[" + answer + "]\\n"); }
catch (error) { process.stderr.write("[" + error.exitCode + " " + error.message + "]\\n"); }`;

/**
 * Runs a command in a pseudo-terminal and types each text when the screen shows, once more, what it answers.
 *
 * @returns what the screen has shown
 */
function inTerminal(
  command: string,
  typing: readonly { after: string; type: string }[],
): Promise<string> {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let screen = "";
  let seen = 0;
  let turn = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString();
    const next = typing[turn];
    const at = next === undefined ? -1 : screen.indexOf(next.after, seen);
    if (next === undefined || at < 0) return;
    seen = at + next.after.length;
    turn++;
    // A moment later, when the program has come to read.
    setTimeout(() => child.stdin.write(next.type), 200);
  });
  return new Promise((resolve) => child.on("close", () => resolve(screen)));
}

async function askInTerminal(keys: string): Promise<{ screen: string; answer: string }> {
  const dir = scratchDir();
  writeFileSync(join(dir, "ask.mjs"), ask);
  const prompt = `file://${join(import.meta.dirname, "../../src/io/prompt.ts")}`;
  // stdin and stderr are files: the terminal is found all the same.
  const command = `'${process.execPath}' '${dir}/ask.mjs' '${prompt}' < /dev/null 2> '${dir}/answer'`;
  const screen = await inTerminal(command, [{ after: "identity 'X':", type: keys }]);
  return { screen, answer: readFileSync(join(dir, "answer"), "utf8") };
}

test("reads a secret from the terminal without showing it and wipes the prompt", async () => {
  const { screen, answer } = await askInTerminal("corréct horse\r");
  expect(answer).toBe("[corréct horse]\n");
  expect(screen).toContain("Enter passphrase for identity 'X':");
  expect(screen).not.toMatch(/c.?o.?r.?r|horse|\*\*/);
  // The last thing drawn is an erased line.
  const [, afterErasure = ""] = screen.split("\u001b[2K").slice(-2);
  expect(screen).toContain("\u001b[2K");
  expect(afterErasure).not.toContain("passphrase");
});

test("ends with sops's message when the user cancels", async () => {
  expect((await askInTerminal("secret\u0003")).answer).toBe("[1 User canceled operation]\n");
});

test("gives nothing where there is no terminal", async () => {
  const child = startScript(
    `const { promptSecret } = await io("prompt.ts"); console.log(String(await promptSecret("x: ")));`,
    [],
    { wrap: ["setsid", "--wait"] },
  );
  expect((await ending(child)).stdout).toBe("undefined\n");
});

test("leaves what is typed after the line to the editor", async () => {
  const dir = scratchDir();
  writeFileSync(
    join(dir, "round.mjs"),
    `const { awaitEnter } = await import(process.argv[2] + "/prompt.ts");
     const { runEditor } = await import(process.argv[2] + "/editor.ts");
     for (let round = 0; round < 2; round++) {
       await runEditor(["sh", "-c", 'echo editing; read line; echo "editor $line" >> "$1"', "sh"], process.argv[3]);
       console.log("press");
       console.log(await awaitEnter());
     }`,
  );
  const io = `file://${join(import.meta.dirname, "../../src/io")}`;
  await inTerminal(`'${process.execPath}' '${dir}/round.mjs' '${io}' '${dir}/edited'`, [
    { after: "editing", type: "one\r" },
    { after: "press", type: "\r" },
    { after: "editing", type: "two\r" },
    { after: "press", type: "\r" },
  ]);
  expect(readFileSync(join(dir, "edited"), "utf8")).toBe("editor one\neditor two\n");
});
