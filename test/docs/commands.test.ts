// Every command in the README and the guides is run: the `sh` blocks of a page, in order, in one shell, by a user who has a
// home of their own and nothing else. A block after the line `<!-- not run: REASON -->` is left out.
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { shellProgram } from "../cli/program-under-test.ts";
import { Sandbox } from "../cli/sandbox.ts";

const root = join(import.meta.dirname, "../..");

/** The pages with commands of their own. Those about clusters are run by test/kube: tutorial.kube.ts and kustomize.kube.ts. */
const pages = [
  "README.md",
  ...globSync("docs/*.md", { cwd: root }),
  ...globSync("docs/guides/*.md", { cwd: root }),
]
  .filter(
    (page) => !["docs/reference.md", "docs/kubernetes.md", "docs/kustomize.md"].includes(page),
  )
  .toSorted();

interface Block {
  readonly commands: string;
  /** Why it is not run. */
  readonly reason?: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), "utf8");
  return [
    ...text.matchAll(
      /(?:^<!-- not run: ([^\n]*) -->\n+)?^ *```(?:sh|bash|shell)\b[^\n]*\n(.*?)^ *```$/gms,
    ),
  ].map(([, reason, commands = ""]) =>
    reason === undefined ? { commands } : { commands, reason },
  );
}

/** Some of what a reader must see, on stdout, when they follow a page. */
const shown: Readonly<Record<string, readonly string[]>> = {
  "README.md": ["ENC[AES256_GCM,", "battery staple", "the token is s3cret\n"],
  "docs/guides/from-dotenvx.md": ["correct horse\n"],
  "docs/guides/from-sealed-secrets.md": ["password: <6 bytes>"],
  "docs/guides/from-sops.md": ["sops 3.13.3"],
  "docs/guides/git.md": ["-password: one\n+password: two\n", "user: till\npassword: two\n"],
  "docs/guides/kubernetes.md": ["kind: Secret", "password: <6 bytes>", "password: s3cret"],
  "docs/guides/laptop.md": ["region: eu", '{"encrypted":true}'],
  "docs/guides/node.md": ["port: number", "password: string"],
  "docs/guides/people.md": ["password: correct horse\n"],
  "docs/guides/terraform.md": ["secretTemplates"],
  "docs/install.md": ["sops 3.13.3"],
};

/** Runs a script as somebody who has sopsmith on PATH, and, if the page says so, a key. */
function follow(script: string) {
  const box = new Sandbox();
  onTestFinished(() => box.remove());
  for (const folder of ["bin", "home", "work", "tmp"]) mkdirSync(box.path(folder));
  const executable = { mode: 0o755 };
  writeFileSync(box.path("bin/sopsmith"), `#!/bin/sh\nexec ${shellProgram} "$@"\n`, executable);
  writeFileSync(
    box.path("bin/editor"),
    '#!/bin/sh\necho "note: written in the editor" >> "$1"\n',
    executable,
  );
  writeFileSync(
    box.path("home/.gitconfig"),
    "[user]\n\tname = A Reader\n\temail = reader@example.com\n",
  );
  const env = {
    PATH: `${box.path("bin")}:${process.env["PATH"] ?? ""}`,
    HOME: box.path("home"),
    TMPDIR: box.path("tmp"),
    EDITOR: box.path("bin/editor"),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_PAGER: "cat",
    LC_ALL: "C.UTF-8",
  };
  const run = (commands: string) =>
    spawnSync("bash", ["-euo", "pipefail", "-c", commands], {
      cwd: box.path("work"),
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  if (script.includes("keygen -y ~/.config/sops/age/keys.txt")) run("sopsmith keygen --default");
  return run(script);
}

const withCommands = pages.filter((page) =>
  blocksOf(page).some(({ reason }) => reason === undefined),
);

test.each(withCommands)("every command of %s does its work", (page) => {
  const script = blocksOf(page)
    .filter(({ reason }) => reason === undefined)
    .map(({ commands }) => commands)
    .join("\n");
  const { status, stdout, stderr } = follow(script);
  expect({
    status,
    stderr: status === 0 ? "" : stderr,
    stdout: status === 0 ? "" : stdout,
  }).toEqual({
    status: 0,
    stderr: "",
    stdout: "",
  });
  for (const text of shown[page] ?? []) expect(stdout).toContain(text);
});

test("what a page must show belongs to a page with commands", () => {
  expect(Object.keys(shown).filter((page) => !withCommands.includes(page))).toEqual([]);
});

test("few blocks are not run, and each says why", () => {
  const all = pages.flatMap(blocksOf);
  const skipped = all.filter(({ reason }) => reason !== undefined);
  for (const { reason } of skipped) expect(reason).toMatch(/\w+ \w+ \w+/);
  expect(all.length).toBeGreaterThan(40);
  expect(skipped.length).toBeLessThanOrEqual(30);
  // Nothing escapes by being called something else.
  for (const page of pages) {
    const fences = readFileSync(join(root, page), "utf8").match(/^ *```\w+/gm) ?? [];
    for (const fence of fences)
      expect(["sh", "ts", "js", "json", "yaml", "text", "diff", "console"]).toContain(
        fence.trim().slice(3),
      );
  }
});

test("the README is short, and its first screen has the pitch, four reasons and how to begin", () => {
  const text = readFileSync(join(root, "README.md"), "utf8");
  expect(text.split(/\s+/).length).toBeLessThanOrEqual(1200);
  const screen = text.split("\n").slice(0, 40);
  // As many rows as lines in a terminal of 80 columns.
  expect(
    screen.filter((line) => line.length > 80 && !line.startsWith("<!--") && !line.startsWith("![")),
  ).toEqual([]);
  const top = screen.join("\n");
  expect(top).toContain("Keep secrets in Git");
  expect(top.match(/^- (?:<!-- \w+ -->)?\*\*/gm)).toHaveLength(4);
  expect(top).toContain("npm ci && npm run quickstart");
  expect(top).toContain("npm install -g ./sopsmith-*.tgz");
});
