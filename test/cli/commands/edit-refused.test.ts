import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { counterpart } from "../../counterparts.ts";
import { ending, inTerminal } from "../../io/script.ts";
import { programUnderTest, shellProgram } from "../program-under-test.ts";
import { identities, recipients, sealed } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

/** A sandbox with every sealed file, whose editor runs this line of shell; `$1` is the text, `P` the program. */
function boxWith(editor: string, env: Readonly<Record<string, string>> = {}): Sandbox {
  const box: Sandbox = new Sandbox(sealed, { SOPS_AGE_KEY: identities.A, P: shellProgram, ...env });
  onTestFinished(() => box.remove());
  mkdirSync(box.path("tmp"));
  mkdirSync(box.path("state"));
  box.write("ed.sh", `#!/bin/sh\n${editor}\n`);
  chmodSync(box.path("ed.sh"), 0o755);
  return box;
}

const envOf = (box: Sandbox) => ({
  ...box.env,
  EDITOR: box.path("ed.sh"),
  TMPDIR: box.path("tmp"),
  XDG_STATE_HOME: box.path("state"),
  DIR: box.dir,
});

const edit = (box: Sandbox, args: readonly string[] = ["sealed.yaml"], stdin = "") =>
  box.run(["edit", ...args], { env: envOf(box), stdin });

const keptAt = (path: string) =>
  `What you typed is kept, encrypted, in ${path}: open it with \`sopsmith decrypt --input-type binary --output-type binary ${path}\`.`;

/** Runs the command that a message gives. */
function pasted(box: Sandbox, message: string): Buffer {
  const command = /open it with `sopsmith (.*?)`/.exec(message)?.[1] ?? "no command";
  return spawnSync("sh", ["-c", `${shellProgram} ${command}`], { cwd: box.dir, env: box.env })
    .stdout;
}

/** A text that is no YAML. */
const typed = `printf 'typed secret: [\\n' >> "$1"`;
const typedText = "# top\na: 1\nsecret: hello\nl:\n    - 1\n    - k: 1\ntyped secret: [\n";

/** The text is at this place, for this user only, and nowhere in plain text. */
function expectKept(box: Sandbox, name: string, text: string | Buffer = typedText): void {
  const path = box.path(name);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const stored = readFileSync(path);
  expect(stored.includes("typed")).toBe(false);
  expect(pasted(box, keptAt(path))).toEqual(Buffer.from(text));
  const sops = spawnSync(counterpart("sops"), ["decrypt", path], { env: box.env });
  expect([sops.stderr.toString(), sops.stdout]).toEqual(["", Buffer.from(text)]);
  expect(readdirSync(box.path("tmp"))).toEqual([]);
  for (const [sealedName, content] of Object.entries(sealed))
    expect(box.read(sealedName)).toBe(content);
}

test.each([
  ["YAML that does not parse", "sealed.yaml", "typed: [\n", 1],
  ["a key that sops cannot hold", "sealed.yaml", "1: typed\n", 1],
  ["a sops block", "sealed.yaml", "sops: typed\n", 1],
  ["JSON that does not parse", "sealed.json", '{"typed": ', 1],
  ["a line of ENV without =", "sealed.env", "typed\n", 1],
  ["a line of INI without =", "sealed.ini", "[typed\n", 1],
  ["an editor that fails after it wrote", "sealed.bin", "typed \0\xff\n", 201],
])("keeps %s when stdin has ended", async (_, name, text, status) => {
  const box = boxWith(`cp "$DIR/new" "$1"; ${status === 201 ? "exit 1" : ""}`);
  const bytes = Buffer.from(text, "latin1");
  box.write("new", bytes);
  const { code, stdout, stderr } = await edit(box, [name]);
  expect([code, stdout]).toEqual([status, ""]);
  expect(stderr.endsWith(`${keptAt(box.path(`${name}.rescue`))}\n`)).toBe(true);
  expect(stderr).toContain(
    status === 201 ? "Could not run editor: exit status 1" : `${name} was not written`,
  );
  expect(pasted(box, stderr)).toEqual(bytes);
  expectKept(box, `${name}.rescue`, bytes);
});

test("says where the text is wrong, then where it is", async () => {
  const box = boxWith(typed);
  const { stderr } = await edit(box);
  expect(stderr).toMatch(
    /^Could not load tree, probably due to invalid syntax\. Press enter to return to the editor, or Ctrl\+C to exit\.\n.*\(sealed\.yaml, line \d\)\nNobody can press enter, because stdin has ended\. sealed\.yaml was not written\.\n/,
  );
  expect(stderr.endsWith(`.\n${keptAt(box.path("sealed.yaml.rescue"))}\n`)).toBe(true);
});

test("keeps a text that --strict refuses", async () => {
  const box = boxWith(`echo 'typed_unencrypted: 1' >> "$1"`);
  box.write(".sops.yaml", `creation_rules:\n  - age: ${recipients.A}\n    encrypted_regex: .\n`);
  const { code, stderr } = await edit(box, ["--strict", "sealed.yaml"]);
  expect(code).toBe(1);
  expect(pasted(box, stderr).toString()).toContain("typed_unencrypted: 1\n");
  expectKept(box, "sealed.yaml.rescue", pasted(box, stderr));
});

test("keeps the text of a file that keeps its layout", async () => {
  const box = boxWith(typed, { SOPSMITH_LAYOUT: "keep" });
  const own = "a:   'x'   # one\n\n\nb: {c: 1}\n";
  box.write("own.yaml", own);
  await box.run(["encrypt", "-i", "--age", recipients.A, "own.yaml"]);
  const { code } = await edit(box, ["own.yaml"]);
  expect(code).toBe(1);
  expectKept(box, "own.yaml.rescue", `${own}typed secret: [\n`);
});

test("keeps the text of a new file for its recipients, without an identity", async () => {
  const box = boxWith(typed);
  const args = ["edit", "--age", recipients.A, "--unencrypted-suffix", "_x", "new.yaml"];
  const { code, stderr } = await box.run(args, { env: { ...envOf(box), SOPS_AGE_KEY: "" } });
  expect(code).toBe(1);
  expect(stderr).not.toContain("WARN");
  expect(box.names()).not.toContain("new.yaml");
  expect(pasted(box, stderr).toString()).toMatch(/^hello: [^]*\ntyped secret: \[\n$/);
  expectKept(box, "new.yaml.rescue", pasted(box, stderr));
});

test("keeps nothing when the text goes back to what it was, or is written after all", async () => {
  const back = boxWith(
    `if [ -e "$DIR/old" ]; then cp "$DIR/old" "$1"; else cp "$1" "$DIR/old"; ${typed}; fi`,
  );
  expect(await edit(back, ["sealed.yaml"], "\n")).toMatchObject({ code: 200 });
  const fixed = boxWith(`if grep -q typed "$1"; then sed -i 's/\\[$/1/' "$1"; else ${typed}; fi`);
  expect(await edit(fixed, ["sealed.yaml"], "\n")).toMatchObject({ code: 0 });
  for (const box of [back, fixed]) {
    expect(box.names().filter((name) => name.includes("rescue"))).toEqual([]);
    expect(readdirSync(box.path("state"))).toEqual([]);
    expect(readdirSync(box.path("tmp"))).toEqual([]);
  }
});

test("files of one name in two folders do not replace each other's text", async () => {
  // Neither folder is there any more when the text is to be kept.
  const box = boxWith(`${typed}; rm -r "$DIR/$SUB"`);
  for (const SUB of ["one", "two"]) {
    mkdirSync(box.path(SUB));
    box.write(`${SUB}/s.yaml`, sealed["sealed.yaml"] ?? "");
    await box.run(["edit", `${SUB}/s.yaml`], { env: { ...envOf(box), SUB } });
  }
  expect(readdirSync(box.path("state/sopsmith"))).toEqual(["s.yaml.rescue", "s.yaml.rescue.1"]);
  expectKept(box, "state/sopsmith/s.yaml.rescue");
  expectKept(box, "state/sopsmith/s.yaml.rescue.1");
});

test("says that the text is lost, and why, when the disk is full", () => {
  const box = boxWith(`${typed}; yes '  line' | head -c 6000 >> "$1"`);
  const [program, ...words] = ["prlimit", "--fsize=7000", ...programUnderTest];
  const { stderr, status } = spawnSync(program ?? "", [...words, "edit", "sealed.yaml"], {
    cwd: box.dir,
    env: envOf(box),
    encoding: "utf8",
    input: "",
  });
  expect(stderr).toMatch(
    /\nWhat was typed in the editor is lost\. It could not be kept anywhere: write .*: file too large\.\n$/,
  );
  expect(status).toBe(1);
  expect(box.names()).toEqual([...Object.keys(sealed), "ed.sh", "state", "tmp"].toSorted());
  expect(readdirSync(box.path("tmp"))).toEqual([]);
});

test(
  "an existing file's text is kept without its key service, a new one's is lost, with the reason",
  { timeout: 60_000 },
  async () => {
    for (const name of ["sealed.yaml", "new.yaml"]) {
      const box = boxWith(`${typed}; kill $SERVICE; while [ -e "$DIR/sock" ]; do sleep 0.1; done`);
      const [program, ...words] = programUnderTest;
      const address = box.path("sock");
      const service = spawn(
        program,
        [...words, "keyservice", "--network", "unix", "--address", address],
        { env: box.env, stdio: "ignore" },
      );
      const ended = ending(service);
      while (!box.names().includes("sock")) await new Promise((done) => setTimeout(done, 50));
      const served = ["--enable-local-keyservice=false", "--keyservice", `unix://${address}`];
      const { code, stderr, stdout } = await box.run(
        ["edit", ...served, "--age", recipients.A, name],
        { env: { ...envOf(box), SERVICE: String(service.pid) } },
      );
      await ended;
      expect([code, stdout]).toEqual([1, ""]);
      if (name === "sealed.yaml") expectKept(box, "sealed.yaml.rescue");
      else {
        expect(stderr).toMatch(
          /\nWhat was typed in the editor is lost\. It could not be encrypted: .*sock.*\n$/,
        );
        expect(box.names().filter((one) => /rescue|new/.test(one))).toEqual([]);
      }
      expect(readdirSync(box.path("tmp"))).toEqual([]);
    }
  },
);

const canceled = (box: Sandbox) =>
  `User canceled operation: sealed.yaml was not written. ${keptAt(box.path("sealed.yaml.rescue"))}\n`;
const hungUp = (box: Sandbox) =>
  `sealed.yaml was not written. ${keptAt(box.path("sealed.yaml.rescue"))}\n`;
const signals: [
  signal: NodeJS.Signals,
  status: number | null,
  by: string | null,
  (box: Sandbox) => string,
][] = [
  ["SIGINT", 1, null, canceled],
  ["SIGTERM", 1, null, canceled],
  ["SIGHUP", null, "SIGHUP", hungUp],
  ["SIGQUIT", null, "SIGQUIT", hungUp],
];

test.each(signals)(
  "%s while the editor runs keeps what it has saved",
  { timeout: 60_000 },
  async (signal, status, by, message) => {
    // The second one comes when the text is being encrypted.
    const send = `kill -${signal.slice(3)} $PPID`;
    const box = boxWith(`${typed}; ${send}; ${signal === "SIGQUIT" ? "" : `${send}; `}sleep 2`);
    const [program, ...words] = programUnderTest;
    const child = spawn(program, [...words, "edit", "sealed.yaml"], {
      cwd: box.dir,
      env: envOf(box),
    });
    expect(await ending(child)).toEqual({ status, signal: by, stdout: "", stderr: message(box) });
    expectKept(box, "sealed.yaml.rescue");
  },
);

test.each(signals)(
  "%s at the question keeps the refused text",
  { timeout: 60_000 },
  async (signal, status, by, message) => {
    const box = boxWith(typed);
    const [program, ...words] = programUnderTest;
    const child = spawn(program, [...words, "edit", "sealed.yaml"], {
      cwd: box.dir,
      env: envOf(box),
    });
    child.stderr.once("data", () => setTimeout(() => child.kill(signal), 200));
    const { stderr, ...rest } = await ending(child);
    expect(rest).toEqual({ status, signal: by, stdout: "" });
    expect(stderr).toContain("Press enter");
    expect(stderr.endsWith(message(box))).toBe(true);
    expectKept(box, "sealed.yaml.rescue");
  },
);

test.each([
  ["Ctrl+C", "\u0003", "User canceled operation: sealed.yaml was not written."],
  ["Ctrl+D", "\u0004", "Nobody can press enter, because stdin has ended."],
])("%s on a terminal keeps the refused text", { timeout: 60_000 }, async (_, key, message) => {
  const box = boxWith(typed);
  const screen = await inTerminal(
    `cd '${box.dir}' && ${shellProgram} edit sealed.yaml`,
    [{ after: "Press enter", type: key }],
    envOf(box),
  );
  expect(screen).toContain(message);
  expect(screen).toContain(keptAt(box.path("sealed.yaml.rescue")));
  expectKept(box, "sealed.yaml.rescue");
});

test(
  "a refused text that was edited further is kept as it is when the editor fails",
  { timeout: 60_000 },
  async () => {
    const box = boxWith(`grep -q typed "$1" && { echo more >> "$1"; exit 1; }; ${typed}`);
    expect(await edit(box, ["sealed.yaml"], "\n")).toMatchObject({ code: 201 });
    expectKept(box, "sealed.yaml.rescue", `${typedText}more\n`);
  },
);

test("keeps the refused text when the terminal is closed", { timeout: 60_000 }, async () => {
  const box = boxWith(typed);
  const terminal = spawn(
    "script",
    ["-qec", `cd '${box.dir}' && ${shellProgram} edit sealed.yaml`, "/dev/null"],
    { env: envOf(box) },
  );
  let screen = "";
  terminal.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString();
    if (screen.includes("Press enter")) setTimeout(() => terminal.kill("SIGKILL"), 200);
  });
  await ending(terminal);
  // Nobody waits for the program any more.
  await expect
    .poll(() => box.names().includes("sealed.yaml.rescue"), { timeout: 20_000 })
    .toBe(true);
  await expect.poll(() => readdirSync(box.path("tmp")), { timeout: 20_000 }).toEqual([]);
  expectKept(box, "sealed.yaml.rescue");
});

test("the next edit and doctor say where earlier texts are", async () => {
  const box = boxWith(typed);
  await edit(box);
  await edit(box);
  const first = box.path("sealed.yaml.rescue");
  const { stderr, code } = await box.run(["edit", "sealed.yaml"], {
    env: { ...envOf(box), EDITOR: "true" },
  });
  expect(code).toBe(200);
  expect(stderr).toBe(
    `WARN: sealed.yaml: what was typed in an earlier edit and not written is kept, encrypted, in ${first} (and in ${first}.1): open it with \`sopsmith decrypt ${first}\`, and remove it when you no longer need it\nFile has not changed, exiting.\n`,
  );
  expect(pasted(box, stderr).toString()).toBe(typedText);
  const report = await box.run(["doctor", "sealed.yaml"], { env: envOf(box) });
  expect(report.stdout).toContain(
    `kept edits     what was typed in an earlier edit is kept, encrypted, in ~/sealed.yaml.rescue, ~/sealed.yaml.rescue.1\n`,
  );
  const other = await box.run(["doctor", "sealed.json"], { env: envOf(box) });
  expect(other.stdout).not.toContain("kept edits");
});

test("a second Ctrl+C does not wait for a key service that never answers", async () => {
  const box = boxWith(`${typed}; kill -STOP $SERVICE`);
  const [program, ...words] = programUnderTest;
  const service = spawn(
    program,
    [...words, "keyservice", "--network", "unix", "--address", box.path("sock")],
    { env: box.env, stdio: "ignore" },
  );
  onTestFinished(() => void service.kill("SIGKILL"));
  while (!box.names().includes("sock")) await new Promise((done) => setTimeout(done, 50));
  const served = ["--enable-local-keyservice=false", "--keyservice", `unix://${box.path("sock")}`];
  const child = spawn(program, [...words, "edit", ...served, "--age", recipients.A, "new.json"], {
    cwd: box.dir,
    env: { ...envOf(box), SERVICE: String(service.pid) },
  });
  child.stderr.once("data", () => {
    for (const after of [200, 400, 1600]) setTimeout(() => child.kill("SIGINT"), after);
  });
  const start = performance.now();
  const { stderr, ...rest } = await ending(child);
  expect(rest).toEqual({ status: 1, signal: null, stdout: "" });
  expect(stderr).toMatch(
    /\nUser canceled operation: new\.json was not written\. What was typed in the editor is lost\. It was not encrypted yet\.\n$/,
  );
  expect(performance.now() - start).toBeLessThan(15_000);
  expect(readdirSync(box.path("tmp"))).toEqual([]);
  expect(box.names().filter((name) => name.includes("new"))).toEqual([]);
}, 60_000);
