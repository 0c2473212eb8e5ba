import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { inTerminal } from "../../io/script.ts";
import { programUnderTest, shellProgram } from "../program-under-test.ts";
import { identities, recipients, sealed, yamlText } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

/** A sandbox whose editor runs this line of shell; `$1` is the text, `$2` what was typed before, `p` the program. */
function boxWith(editor: string): Sandbox {
  const box = new Sandbox(
    { "s.yaml": sealed["sealed.yaml"] ?? "" },
    { SOPS_AGE_KEY: identities.A, P: shellProgram },
  );
  onTestFinished(() => box.remove());
  mkdirSync(box.path("tmp"));
  box.write("ed.sh", `#!/bin/sh\np() { eval "$P \\"\\$@\\""; }\n${editor}\n`);
  spawnSync("chmod", ["755", box.path("ed.sh")]);
  return box;
}

const envOf = (box: Sandbox) => ({
  EDITOR: box.path("ed.sh"),
  TMPDIR: box.path("tmp"),
  DIR: box.dir,
});
const edit = (box: Sandbox, env: Record<string, string> = {}) =>
  box.run(["edit", "s.yaml"], { env: { ...envOf(box), ...env } });

async function opens(box: Sandbox, path: string): Promise<string> {
  const args = ["decrypt", "--input-type", "yaml", "--output-type", "yaml", path];
  return (await box.run(args)).stdout;
}

const typed = 'sed -i s/hello/typed/ "$1"';
const typedText = yamlText.replace("hello", "typed");
const keptAt = (path: string) =>
  `What you typed is kept, encrypted, in ${path}: open it with \`sopsmith edit --input-type yaml --output-type yaml ${path}\`.\n`;

test("refuses to overwrite what another process wrote, names the places, and keeps the text", async () => {
  const box = boxWith(`${typed}; p set s.yaml '["a"]' 2; p unset s.yaml '["l"][0]'`);
  const { code, stderr, stdout } = await edit(box);
  expect([code, stdout]).toEqual([3, ""]);
  expect(stderr).toBe(
    `s.yaml was changed by another process while you edited it (added ["l"][0]["k"], removed ["l"][0] ["l"][1]["k"], changed ["a"]), and was not overwritten.\n${keptAt(box.path("s.yaml.rescue"))}`,
  );
  expect(await opens(box, "s.yaml.rescue")).toBe(typedText);
  expect((await box.run(["decrypt", "s.yaml"])).stdout).toBe(
    "# top\na: 2\nsecret: hello\nl:\n    - k: 1\n",
  );
  expect(box.read("s.yaml.rescue")).not.toContain("typed");
  expect(readdirSync(box.path("tmp"))).toEqual([]);
});

test(
  "on a terminal, opens the editor on the new content with the text beside it",
  { timeout: 60_000 },
  async () => {
    const box = boxWith(
      `if [ $# = 1 ]; then ${typed}; p set s.yaml '["a"]' 2;
     else cat "$1" "$2" > "$DIR/seen"; sed -i s/hello/both/ "$1"; fi`,
    );
    const screen = await inTerminal(
      `cd '${box.dir}' && ${shellProgram} edit s.yaml; echo "status $?"`,
      [{ after: "Press enter", type: "\n" }],
      { ...box.env, ...envOf(box) },
    );
    expect(screen).toContain('(changed ["a"])');
    expect(screen).toContain("status 0");
    const now = yamlText.replace("a: 1", "a: 2");
    expect(box.read("seen")).toBe(now + typedText);
    expect((await box.run(["decrypt", "s.yaml"])).stdout).toBe(now.replace("hello", "both"));
    expect(box.names()).toEqual(["ed.sh", "s.yaml", "seen", "tmp"]);
    expect(readdirSync(box.path("tmp"))).toEqual([]);
  },
);

test("on a terminal, Ctrl+C after that keeps the text", { timeout: 60_000 }, async () => {
  const box = boxWith(`${typed}; p set s.yaml '["a"]' 2`);
  const screen = await inTerminal(
    `cd '${box.dir}' && ${shellProgram} edit s.yaml; echo "status $?"`,
    [{ after: "Press enter", type: "\u0003" }],
    { ...box.env, ...envOf(box) },
  );
  expect(screen).toContain("User canceled operation");
  expect(await opens(box, "s.yaml.rescue")).toBe(typedText);
});

test.each([
  ["vanished", 'rm "$DIR/s.yaml"', 2],
  ["became a folder", 'rm "$DIR/s.yaml"; mkdir "$DIR/s.yaml"', 3],
  ["became a link to something else", 'echo x: 1 > "$DIR/o"; ln -sf o "$DIR/s.yaml"', 1],
  ["became read-only to all", 'rm "$DIR/s.yaml"; ln -s /proc/version "$DIR/s.yaml"', 1],
])("keeps the text when the file %s", async (_, change, status) => {
  const box = boxWith(`${typed}; ${change}`);
  const { code, stderr, stdout } = await edit(box);
  expect(stderr.endsWith(keptAt(box.path("s.yaml.rescue")))).toBe(true);
  expect([code, stdout]).toEqual([status, ""]);
  expect(await opens(box, "s.yaml.rescue")).toBe(typedText);
});

test("does not replace a text that was kept before", async () => {
  const box = boxWith(`${typed}; rm "$DIR/s.yaml"`);
  box.write("s.yaml.rescue", "older");
  const { stderr } = await edit(box);
  expect(stderr).toContain(keptAt(box.path("s.yaml.rescue.1")));
  expect(box.read("s.yaml.rescue")).toBe("older");
  expect(await opens(box, "s.yaml.rescue.1")).toBe(typedText);
});

// A FIFO would be waited for, and Ctrl+C could not end the wait.
test("keeps the text when the file has become a FIFO", { timeout: 20_000 }, async () => {
  const box = boxWith(`${typed}; rm "$DIR/s.yaml"; mkfifo "$DIR/s.yaml"`);
  const { code, stderr } = await edit(box);
  expect(stderr).toBe(
    `Error reading file: s.yaml: is not a regular file\n${keptAt(box.path("s.yaml.rescue"))}`,
  );
  expect(code).toBe(2);
  expect(await opens(box, "s.yaml.rescue")).toBe(typedText);
});

test("keeps the text in the state directory when nothing can be written beside the file", async () => {
  const box = boxWith(`${typed}; rm -r "$DIR/sub"`);
  mkdirSync(box.path("sub"));
  writeFileSync(box.path("sub/s.yaml"), sealed["sealed.yaml"] ?? "");
  const { code, stderr } = await box.run(["edit", "sub/s.yaml"], {
    env: { ...envOf(box), XDG_STATE_HOME: box.path("state") },
  });
  expect(code).toBe(3);
  expect(stderr).toContain(keptAt(box.path("state/sopsmith/s.yaml.rescue")));
  expect(await opens(box, "state/sopsmith/s.yaml.rescue")).toBe(typedText);
});

test("keeps the text in the temporary directory when there is no state directory either", async () => {
  const box = boxWith(`${typed}; rm -r "$DIR/sub"`);
  mkdirSync(box.path("sub"));
  writeFileSync(box.path("sub/s.yaml"), sealed["sealed.yaml"] ?? "");
  const { code, stderr } = await box.run(["edit", "sub/s.yaml"], {
    env: { ...envOf(box), XDG_STATE_HOME: box.path("ed.sh") },
  });
  expect(code).toBe(3);
  expect(stderr).toContain(keptAt(box.path("tmp/s.yaml.rescue")));
  expect(await opens(box, "tmp/s.yaml.rescue")).toBe(typedText);
});

test("keeps the text when the disk is full", async () => {
  // A limit on the length of files stands for it: the result is longer than the text.
  const box = boxWith(`${typed}; { echo 'long: |'; yes '  line' | head -c 6000; } >> "$1"`);
  const [program, ...words] = ["prlimit", "--fsize=7000", ...programUnderTest];
  const { stderr, status } = spawnSync(program ?? "", [...words, "edit", "s.yaml"], {
    cwd: box.dir,
    env: { ...box.env, ...envOf(box), XDG_STATE_HOME: box.path("state") },
    encoding: "utf8",
  });
  expect(stderr).toMatch(
    /file too large\nThe file is unchanged\. What was typed in the editor is lost\. It could not be kept anywhere: write .*: file too large\.\n$/,
  );
  expect(status).toBe(1);
  expect(box.read("s.yaml")).toBe(sealed["sealed.yaml"]);
});

test("a new file that another process made meanwhile is not overwritten", async () => {
  const box = boxWith(`${typed}; echo 'x: 1' > "$DIR/new.yaml"; echo 'mine: 2' > "$1"`);
  const args = ["edit", "--age", recipients.A, "new.yaml"];
  const { code, stderr } = await box.run(args, { env: envOf(box) });
  expect(stderr).toContain("new.yaml was changed by another process in the meantime");
  expect(stderr).toContain(keptAt(box.path("new.yaml.rescue")));
  expect(code).toBe(3);
  expect(box.read("new.yaml")).toBe("x: 1\n");
  expect(await opens(box, "new.yaml.rescue")).toBe("mine: 2\n");
});
