import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { delimiter } from "node:path";
import { expect, test } from "vitest";
import { counterpart } from "../counterparts.ts";
import { checkRows, sandboxFor } from "./rows.ts";
import { identities, plain, sealed } from "./samples.ts";
import { Sandbox } from "./sandbox.ts";
import { rows } from "./completion.rows.ts";

checkRows(rows);

/** A sandbox with `sopsmith` on its PATH. */
function shellSandbox(): Sandbox {
  const box = sandboxFor(identities.A, {
    ...sealed,
    ...plain,
    "it's.yaml": sealed["sealed.yaml"] ?? "",
  });
  mkdirSync(box.path("bin"));
  box.write("bin/sopsmith", `#!/bin/sh\nexec '${process.execPath}' '${Sandbox.program}' "$@"\n`);
  chmodSync(box.path("bin/sopsmith"), 0o755);
  return box;
}

const shellEnv = (box: Sandbox) => ({
  ...box.env,
  PATH: `${box.path("bin")}${delimiter}${box.env["PATH"]}`,
  TERM: "xterm",
});

/** What an interactive shell shows on a terminal where this is typed. */
function typeInto(shell: string, box: Sandbox, keys: string): Promise<string> {
  const terminal = spawn("script", ["-qefc", shell, "/dev/null"], {
    cwd: box.dir,
    env: shellEnv(box),
  });
  let shown = "";
  terminal.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
  terminal.stdin.write(`${keys}exit\n`);
  return new Promise((resolve) => terminal.once("close", () => resolve(shown)));
}

const session = [
  "sopsmith filest\t --json sealed.y\t",
  "sopsmith unse\t sealed.y\t '[\"sec\t",
  "sopsmith decr\t --output-t\tjs\t sealed.ya\t",
  "sopsmith filestatus --jso\tit\t",
]
  .map((line) => `${line}\n`)
  .join("");

test.each([
  [
    "bash",
    `'${counterpart("bash")}' --norc --noprofile -i`,
    "source <(sopsmith completion bash)\n",
  ],
  [
    "zsh",
    `'${counterpart("zsh")}' -f -i`,
    "autoload -Uz compinit; compinit -D; source <(sopsmith completion zsh)\n",
  ],
])(
  "%s completes commands, flags, files and key paths at its prompt",
  { timeout: 90_000 },
  async (_, shell, setUp) => {
    const box = shellSandbox();
    const shown = await typeInto(shell, box, setUp + session);
    box.remove();
    expect(shown).toContain(`{"file":"sealed.yaml","encrypted":true}`);
    expect(shown).toMatch(/\{\s+"a": 1,\s+"l": \[/);
    expect(shown).toContain(`{"file":"it's.yaml","encrypted":true}`);
  },
);

test("fish completes commands, flags, files and key paths", { timeout: 90_000 }, () => {
  const box = shellSandbox();
  const ask = (line: string) =>
    spawnSync(
      counterpart("fish"),
      ["-N", "-c", "sopsmith completion fish | source; complete -C $argv[1]", line],
      {
        cwd: box.dir,
        env: shellEnv(box),
        encoding: "utf8",
      },
    ).stdout;
  const answers = [
    "sopsmith decry",
    "sopsmith decrypt --output-t",
    "sopsmith decrypt sealed.y",
    `sopsmith set sealed.yaml '["l"][1`,
  ].map(ask);
  box.remove();
  expect(answers).toEqual([
    "decrypt\tdecrypt a file, or stdin\n",
    expect.stringMatching(/^--output-type\tformat of the output: /),
    "sealed.yaml\n",
    `["l"][1]\n["l"][1]["k"]\n`,
  ]);
});
