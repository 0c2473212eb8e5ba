import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ending, inTerminal, scratchDir, startScript } from "./script.ts";

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
  expect(stdout).toBe(`${output}: stdin has no answer to "Sure? (y/n):"\n`);
});

/** Two questions in a terminal, `One? (y/n):` and `Two? (y/n):`; stdout is the screen. */
async function answerInTerminal(
  typing: readonly { after: string; type: string }[],
): Promise<string> {
  const dir = scratchDir();
  writeFileSync(
    join(dir, "ask.mjs"),
    `const { askYesNo } = await import(process.argv[2]);
     try { for (const name of ["One", "Two"]) process.stderr.write("[" + (await askYesNo("\\n" + name + "? (y/n): ")) + "]"); }
     catch (error) { process.stderr.write("[" + error.exitCode + " " + error.message + "]"); }`,
  );
  const prompt = `file://${join(import.meta.dirname, "../../src/io/prompt.ts")}`;
  await inTerminal(`'${process.execPath}' '${dir}/ask.mjs' '${prompt}' 2> '${dir}/answer'`, typing);
  return readFileSync(join(dir, "answer"), "utf8");
}

test("asks on a terminal until the answer is y or n", async () => {
  const answer = await answerInTerminal([
    { after: "One? (y/n):", type: "maybe\r" },
    { after: "Answer y or n.", type: "y\r" },
    { after: "Two? (y/n):", type: "n\r" },
  ]);
  expect(answer).toBe("[true][false]");
});

test("a question interrupted by Ctrl+C ends with sops's message", async () => {
  const answer = await answerInTerminal([{ after: "One? (y/n):", type: "\u0003" }]);
  expect(answer).toBe("[1 User canceled operation]");
});

const ask = `
const { promptSecret } = await import(process.argv[2]);
try { const answer = await promptSecret("Enter passphrase for identity 'X': "); process.stderr.write("[" + answer + "]\\n"); }
catch (error) { process.stderr.write("[" + error.exitCode + " " + error.message + "]\\n"); }`;

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
  const [, afterErasure = ""] = screen.split("\r\u001b[J").slice(-2);
  expect(screen).toContain("\r\u001b[J");
  expect(afterErasure).not.toContain("passphrase");
});

test("accepts corrections of what was typed, and ignores arrow keys", async () => {
  const { answer } = await askInTerminal("wrong\u0015hörsf\u007fe\u001b[D\u001b[3~\r");
  expect(answer).toBe("[hörse]\n");
});

test("accepts what was typed before the question appeared, for the next one too", async () => {
  const dir = scratchDir();
  writeFileSync(
    join(dir, "ask.mjs"),
    `const { promptSecret, promptLine, promptKey } = await import(process.argv[2]);
     console.log("wait");
     await new Promise((resolve) => setTimeout(resolve, 700));
     const answers = [await promptSecret("First: "), await promptLine("Second: "), await promptKey("Third: ", "xy"), await promptSecret("Last: ")];
     process.stderr.write(JSON.stringify(answers));`,
  );
  const prompt = `file://${join(import.meta.dirname, "../../src/io/prompt.ts")}`;
  const command = `'${process.execPath}' '${dir}/ask.mjs' '${prompt}' 2> '${dir}/answer'`;
  await inTerminal(command, [
    { after: "wait", type: "pässword\rline\ry" },
    { after: "Last:", type: "end\r" },
  ]);
  expect(readFileSync(join(dir, "answer"), "utf8")).toBe('["pässword","line","y","end"]');
});

test("leaves what is typed after the answers to the next program", async () => {
  const dir = scratchDir();
  writeFileSync(
    join(dir, "ask.mjs"),
    `import { spawnSync } from "node:child_process";
     const { promptSecret, askYesNo } = await import(process.argv[2]);
     console.log("wait");
     await new Promise((resolve) => setTimeout(resolve, 700));
     const answers = [await askYesNo("Sure? (y/n): "), await promptSecret("Secret: ")];
     const { stdout } = spawnSync("sh", ["-c", 'read line; echo "$line"'], { stdio: ["inherit", "pipe", "inherit"], encoding: "utf8" });
     process.stderr.write(JSON.stringify([...answers, stdout]));`,
  );
  const prompt = `file://${join(import.meta.dirname, "../../src/io/prompt.ts")}`;
  const command = `'${process.execPath}' '${dir}/ask.mjs' '${prompt}' 2> '${dir}/answer'`;
  await inTerminal(command, [{ after: "wait", type: "y\rsecret\rfor the child\r" }]);
  expect(readFileSync(join(dir, "answer"), "utf8")).toBe('[true,"secret","for the child\\n"]');
});

test("ends with sops's message when the user cancels", async () => {
  expect((await askInTerminal("secret\u0003")).answer).toBe("[1 User canceled operation]\n");
});

test("returns nothing if there is no terminal", async () => {
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

const askMore = `
const { promptLine, promptKey } = await import(process.argv[2]);
try {
  const [line, key] = await Promise.all([promptLine("Your name:"), promptKey("[1] yes, [2] \u001b[31mno: ", "12")]);
  process.stderr.write("[" + line + "][" + key + "]");
} catch (error) { process.stderr.write("[" + error.exitCode + " " + error.message + "]"); }`;

async function askMoreInTerminal(key: string): Promise<{ screen: string; answer: string }> {
  const dir = scratchDir();
  writeFileSync(join(dir, "ask.mjs"), askMore);
  const prompt = `file://${join(import.meta.dirname, "../../src/io/prompt.ts")}`;
  const command = `'${process.execPath}' '${dir}/ask.mjs' '${prompt}' < /dev/null 2> '${dir}/answer'`;
  const screen = await inTerminal(command, [
    { after: "Your name:", type: "ann\r" },
    { after: "no: ", type: key },
  ]);
  return { screen, answer: readFileSync(join(dir, "answer"), "utf8") };
}

test("asks for a line and for a single key, one question after the other, and shows no control characters", async () => {
  const { screen, answer } = await askMoreInTerminal("x2");
  expect(answer).toBe("[ann][2]");
  expect(screen).toContain("ann");
  expect(screen).toContain("[1] yes, [2] \\x1b[31mno: ");
});

test("a single key can be Ctrl+C", async () => {
  expect((await askMoreInTerminal("\u0003")).answer).toBe("[1 User canceled operation]");
});
