import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EditorFailed, editorCommand, runEditor } from "../../src/io/editor.ts";
import type { Host } from "../../src/io/host.ts";
import { realHost } from "../../src/io/real-host.ts";
import { printed, scratchDir, startScript } from "./script.ts";

function command(env: Host["env"], platform: NodeJS.Platform = "linux"): string[] {
  return editorCommand({ ...realHost(), env, platform });
}

function program(path: string): void {
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
}

test("prefers SOPS_EDITOR to EDITOR and splits it as a shell does", () => {
  expect(command({ SOPS_EDITOR: "emacs -nw 'a b' # c", EDITOR: "ed" })).toEqual([
    "emacs",
    "-nw",
    "a b",
  ]);
  expect(command({ SOPS_EDITOR: "", EDITOR: "ed -s" })).toEqual(["ed", "-s"]);
});

test("looks for vim, nano and vi on PATH when no variable is set", () => {
  const [first, second] = [scratchDir(), scratchDir()];
  const PATH = `${first}:${second}`;
  program(join(second, "vi"));
  expect(command({ PATH })).toEqual(["vi"]);
  program(join(second, "nano"));
  writeFileSync(join(first, "vim"), "not a program");
  expect(command({ PATH })).toEqual(["nano"]);
  program(join(second, "vim"));
  expect(command({ PATH, EDITOR: "" })).toEqual(["vim"]);
});

test("says what to set when there is no editor", () => {
  expect(() => command({ PATH: scratchDir() })).toThrow(
    expect.objectContaining({
      exitCode: 201,
      message: expect.stringMatching(/^Could not run editor: no editor available: /),
      hint: expect.stringContaining("SOPS_EDITOR"),
    }),
  );
});

test.each([
  ["SOPS_EDITOR", "vi 'secret"],
  ["EDITOR", '"secret'],
  ["EDITOR", "# secret"],
])("refuses a broken %s without showing it", (name, value) => {
  let failure: unknown;
  try {
    command({ [name]: value });
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(EditorFailed);
  expect(String(failure)).toContain(`Could not run editor: invalid $${name}: `);
  expect(String(failure)).not.toContain("secret");
});

test.each([
  ["code", ["code", "--wait"]],
  ["/usr/bin/code-insiders -n", ["/usr/bin/code-insiders", "--wait", "-n"]],
  ["code -w", ["code", "-w"]],
  ["code --wait --new-window", ["code", "--wait", "--new-window"]],
  ["codium", ["codium", "--wait"]],
  ["cursor", ["cursor", "--wait"]],
  ["windsurf", ["windsurf", "--wait"]],
  ["zed", ["zed", "--wait"]],
  ["subl -n", ["subl", "--wait", "-n"]],
  ["sublime_text", ["sublime_text", "--wait"]],
  ["atom", ["atom", "--wait"]],
  ["mate -w", ["mate", "-w"]],
  ["gedit", ["gedit", "--wait"]],
  ["gedit -s", ["gedit", "-s"]],
  ["kate", ["kate", "--block"]],
  ["kate -b", ["kate", "-b"]],
  ["gvim", ["gvim", "-f"]],
  ["mvim --nofork", ["mvim", "--nofork"]],
  ["bbedit", ["bbedit", "--wait"]],
  ["nova", ["nova", "--wait"]],
  ["idea", ["idea", "--wait"]],
  ["pycharm.sh", ["pycharm.sh", "--wait"]],
  ["notepad++", ["notepad++", "-multiInst", "-nosession"]],
  [
    "'C:\\Program Files\\Notepad++\\notepad++.exe' -multiinst",
    ["C:\\Program Files\\Notepad++\\notepad++.exe", "-nosession", "-multiinst"],
  ],
  ["'C:\\VS Code\\bin\\Code.cmd'", ["C:\\VS Code\\bin\\Code.cmd", "--wait"]],
  ["vim", ["vim"]],
  ["nano -w", ["nano", "-w"]],
  ["mycode", ["mycode"]],
])("makes %s wait for the window", (value, argv) => {
  expect(command({ EDITOR: value })).toEqual(argv);
});

test("hands the file over as one more word", async () => {
  const dir = scratchDir();
  const path = join(dir, "a b.yaml");
  writeFileSync(path, "");
  await runEditor(["sh", "-c", 'printf "%s|" "$@" > "$2"', "sh", "x y"], path);
  expect(readFileSync(path, "utf8")).toBe(`x y|${path}|`);
});

test.each([
  [["sh", "-c", "exit 3"], "Could not run editor: exit status 3"],
  [["sh", "-c", "kill -9 $$"], "Could not run editor: signal: killed"],
  [["sh", "-c", "kill -15 $$"], "Could not run editor: signal: terminated"],
  [["/no/such/editor"], "Could not run editor: editor: no such program was found"],
])("says how %j failed", async (argv, message) => {
  await expect(runEditor(argv, "/dev/null")).rejects.toMatchObject({ exitCode: 201, message });
});

test("says that the editor is not a program", async () => {
  const path = join(scratchDir(), "notes");
  writeFileSync(path, "");
  await expect(runEditor([path], "/dev/null")).rejects.toThrow(
    "Could not run editor: notes: permission denied",
  );
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "a cancelled edit leaves no temporary file on %s",
  async (signal) => {
    const root = scratchDir();
    const marker = join(scratchDir(), "editor");
    const child = startScript(
      `const { withSecureTempFile } = await io("secure-temp.ts");
     const { realHost } = await io("real-host.ts");
     const { withSignals } = await io("cleanup.ts");
     const { runEditor } = await io("editor.ts");
     const script = 'echo editing; sleep 0.6; touch "$0"';
     await withSecureTempFile(["secret"], "a.yaml", realHost(), (path) =>
       withSignals(() => ({ exitCode: 1, message: "User canceled operation" }), () =>
         runEditor(["sh", "-c", script, process.argv[1]], path)));`,
      [marker],
      { env: { ...process.env, TMPDIR: root } },
    );
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await printed(child, "editing");
    child.kill(signal);
    expect(await exited).toBe(1);
    expect(readdirSync(root)).toEqual([]);
    expect(existsSync(marker)).toBe(false);
    // The editor itself is left alone.
    await expect.poll(() => existsSync(marker), { timeout: 5000 }).toBe(true);
  },
);
