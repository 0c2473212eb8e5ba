// Every command in the README and the guides is run: the `sh` blocks of a page, in order, in one shell, by a user who has a
// home of their own and nothing else. A block after the line `<!-- not run: REASON -->` is left out; one after
// `<!-- run on a terminal -->` runs on one.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { allPages, flagsOf } from "../../scripts/docs/pages.ts";
import { globalFlags } from "../../src/cli/global-flags.ts";
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

const onTerminal = (commands: string) =>
  `script -qefc '${commands.replaceAll("'", String.raw`'\''`)}' /dev/null`;

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), "utf8");
  return [
    ...text.matchAll(
      /(?:^<!-- (?:not run: ([^\n]*)|(run on a terminal)) -->\n+)?^ *```(?:sh|bash|shell)\b[^\n]*\n(.*?)^ *```$/gms,
    ),
  ].map(([, reason, terminal, commands = ""]) => ({
    commands: terminal === undefined ? commands : onTerminal(commands),
    ...(reason === undefined ? {} : { reason }),
  }));
}

/** Some of what a reader must see, on stdout, when they follow a page. */
const shown: Readonly<Record<string, readonly string[]>> = {
  "README.md": ["ENC[AES256_GCM,", "battery staple", "the token is s3cret\n"],
  "docs/guides/from-dotenvx.md": ["correct horse\n"],
  "docs/guides/from-sealed-secrets.md": ["password: <6 bytes>"],
  "docs/guides/from-sops.md": ["sops 3.13.3"],
  "docs/guides/git.md": [
    "-password: one\n+password: two\n",
    "user: till\npassword: two\n",
    // Of diff --values.
    'password: "one" → "two"',
  ],
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

test("few blocks are not run, each says why, and a test that runs them instead is there", () => {
  const all = pages.flatMap(blocksOf);
  const skipped = all.filter(({ reason }) => reason !== undefined);
  for (const { reason = "" } of skipped) {
    expect(reason).toMatch(/\w+ \w+ \w+/);
    for (const [name] of reason.matchAll(/test\/[\w./-]+\.ts/g))
      expect(existsSync(join(root, name)), name).toBe(true);
  }
  expect(all.length).toBeGreaterThan(40);
  expect(skipped.length).toBeLessThanOrEqual(20);
  // Nothing escapes by being called something else.
  for (const page of pages) {
    const fences = readFileSync(join(root, page), "utf8").match(/^ *(?:```|~~~).*$/gm) ?? [];
    for (const fence of fences.filter((_, i) => i % 2 === 0))
      expect(["sh", "ts", "js", "json", "yaml", "text", "diff", "console"], page).toContain(
        fence.trim().slice(3),
      );
  }
});

/** Every call of sopsmith on a page, in blocks that are not run and between words too, as words of a shell. */
function callsOf(page: string): string[][] {
  const text = readFileSync(join(root, page), "utf8");
  const blocks = [...text.matchAll(/^ *```(?:sh|console|text)\n(.*?)^ *```$/gms)].map(
    ([, commands = ""]) => commands.replaceAll("\\\n", " "),
  );
  const spans = [...text.replaceAll(/^ *```.*?^ *```$/gms, "").matchAll(/`([^`\n]+)`/g)];
  const all = [...blocks.flatMap((block) => block.split("\n")), ...spans.map(([, span]) => span)];
  const lines = all.map((line = "") => line.replace(/(?:^|\s)#.*|^import .*/, ""));
  return lines.flatMap((line) =>
    [...line.matchAll(/(?:^|[\s($;|&'"])sopsmith ((?:'[^']*'|"[^"]*"|[^|;&()#`])*)/g)].map(
      ([, words = ""]) => words.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [],
    ),
  );
}

/** What may come after the program's name and is no command: an option, a file, a word of prose. */
const isOther = (word: string) => word === "" || /^-|[.…<]|^[A-Z]/.test(word);

test("every command and option that a page names exists, even if it is not run", async () => {
  const known = new Map((await allPages()).map((page) => [page.name, page]));
  const unknown: string[] = [];
  let calls = 0;
  for (const page of [...pages, "docs/kubernetes.md", "docs/kustomize.md", "SECURITY.md"])
    for (const words of callsOf(page)) {
      const [first = "", second = ""] = words;
      const name = [`${first} ${second}`, first].find((text) => known.has(text));
      const command = name === undefined ? undefined : known.get(name);
      calls++;
      if (command === undefined) {
        if (!isOther(first)) unknown.push(`${page}: sopsmith ${words.join(" ")}`);
        continue;
      }
      const names = new Set([
        ...flagsOf(command).flatMap((flag) => flag.names),
        ...globalFlags.flatMap((flag) => flag.names),
      ]);
      const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
      for (const word of own) {
        const flag = /^--?([a-z][\w-]*)/.exec(word)?.[1];
        if (flag !== undefined && !names.has(flag))
          unknown.push(`${page}: sopsmith ${name} ${word}`);
      }
    }
  expect(unknown).toEqual([]);
  expect(calls).toBeGreaterThan(200);
});

test("the README is short, and its first screen has the pitch, four reasons and how to begin", () => {
  const text = readFileSync(join(root, "README.md"), "utf8");
  expect(text.split(/\s+/).length).toBeLessThanOrEqual(1200);
  // A terminal of 80 columns and 40 rows, where a longer line takes several.
  const rows = text.split("\n").flatMap((line) => line.match(/.{1,80}/gu) ?? [""]);
  const top = rows.slice(0, 40).join("\n");
  expect(top).toContain("Keep secrets in Git");
  expect(top.match(/^- (?:<!-- \w+ -->)?\*\*/gm)).toHaveLength(4);
  expect(top).toMatch(/^!\[A terminal: /m);
  expect(top).toContain("npm ci && npm run quickstart");
  expect(top).toContain("npm install -g ./sopsmith-*.tgz");
});
