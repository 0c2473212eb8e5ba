// What a public repository promises: its files agree with each other, and its workflows pass their linters.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { PROJECT_URI } from "../src/project-uri.ts";
import { counterpart } from "./counterparts.ts";

const root = join(import.meta.dirname, "..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  homepage: string;
  repository: { url: string };
  bugs: { url: string };
  author: string;
  engines: { node: string };
};
const run = (program: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  return { status, output: stdout + stderr };
};

test("every file that names the project's address names the same", () => {
  expect(manifest.homepage).toBe(`${PROJECT_URI}#readme`);
  expect(manifest.repository.url).toBe(`git+${PROJECT_URI}.git`);
  expect(manifest.bugs.url).toBe(`${PROJECT_URI}/issues`);
  expect(manifest.author).toMatch(/^[^<]+ <[^@>]+@[^>]+>$/);
  const advisories = `${PROJECT_URI}/security/advisories/new`;
  for (const name of ["SECURITY.md", "CODE_OF_CONDUCT.md", ".github/ISSUE_TEMPLATE/config.yml"])
    expect(read(name), name).toContain(advisories);
  expect(read("install.sh")).toContain(`:-${PROJECT_URI}/releases}`);
  // And none names another.
  const files = globSync(
    "{*.md,*.sh,*.yml,docs/*.md,docs/guides/*.md,.github/**/*.{yml,md},src/**/*.ts}",
    { cwd: root },
  );
  expect(files.length).toBeGreaterThan(100);
  const projects = files.flatMap(
    (name) => read(name).match(/https:\/\/github\.com\/[\w.-]+\/sopsmith\b/g) ?? [],
  );
  expect([...new Set(projects)]).toEqual([PROJECT_URI]);
});

test("CI runs the tests by the README's own command", () => {
  expect(read("README.md")).toMatch(/^npm ci && npm test +#/m);
  const steps = [...read(".ci/run").matchAll(/^step (.*?)(?: --|$)/gm)].map(([, step]) => step);
  expect(steps).toEqual(expect.arrayContaining(["npm ci", "npm test"]));
});

test("the version of Node.js in .nvmrc is one that the program runs on", () => {
  expect(manifest.engines.node).toMatch(RegExp(`\\^${read(".nvmrc").trim()}\\.`));
});

test("the sections of CHANGELOG.md are those of Keep a Changelog", () => {
  const text = read("CHANGELOG.md");
  const releases = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  expect(releases[0]).toBe("[Unreleased]");
  for (const heading of releases.slice(1))
    expect(heading).toMatch(/^\[\d+\.\d+\.\d+(?:-[\w.]+)?\] - \d{4}-\d\d-\d\d$/);
  const kinds = [...text.matchAll(/^### (.*)$/gm)].map(([, kind]) => kind);
  expect(kinds.length).toBeGreaterThan(0);
  for (const kind of kinds)
    expect(["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]).toContain(kind);
});

test("the workflows pass actionlint, with the scripts in them", () => {
  const checked = run(
    counterpart("actionlint"),
    "-shellcheck",
    counterpart("shellcheck"),
    "-pyflakes=",
  );
  expect(checked).toEqual({ status: 0, output: "" });
  // It is the linter that says so: a wrong workflow does not pass.
  const wrong = read(".github/workflows/ci.yml").replace(
    "runs-on: ubuntu-24.04",
    "runs-on: ${{ matrix.nothing }}",
  );
  const refused = spawnSync(counterpart("actionlint"), ["-shellcheck=", "-pyflakes=", "-"], {
    cwd: root,
    input: wrong,
    encoding: "utf8",
  });
  expect(refused.status).toBe(1);
  expect(refused.stdout).toContain('property "nothing" is not defined');
});

test("zizmor finds nothing in the workflows, the action and Dependabot's settings", () => {
  const zizmor = (input: string) =>
    spawnSync(
      counterpart("zizmor"),
      [
        "--offline",
        "--color=never",
        "--persona=auditor",
        "--no-progress",
        "--quiet",
        "--format=plain",
        input,
      ],
      { cwd: root, encoding: "utf8" },
    );
  for (const input of [".github", "action.yml"]) {
    const { status, stdout } = zizmor(input);
    expect({ status, findings: stdout.replace(/^No findings to report.*\n$/, "") }).toEqual({
      status: 0,
      findings: "",
    });
  }
  // It is the linter that says so: a line of shell with words of a stranger's does not pass.
  const folder = mkdtempSync(join(tmpdir(), "sopsmith-zizmor-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const wrong = join(folder, "wrong.yml");
  writeFileSync(
    wrong,
    read(".github/workflows/ci.yml").replace(
      "- run: npm ci",
      "- run: echo ${{ github.event.pull_request.title }}",
    ),
  );
  expect(zizmor(wrong).stdout).toContain("template-injection");
});

test("no job of a workflow has more rights than it needs, and no step keeps the token of the checkout", () => {
  for (const name of globSync(".github/workflows/*.yml", { cwd: root })) {
    const workflow = parse(read(name)) as {
      permissions?: Record<string, string>;
      jobs: Record<
        string,
        { "timeout-minutes"?: number; steps: { uses?: string; with?: Record<string, unknown> }[] }
      >;
    };
    expect(Object.values(workflow.permissions ?? { all: "write" }), name).not.toContain("write");
    for (const [job, { steps, "timeout-minutes": minutes }] of Object.entries(workflow.jobs)) {
      expect(minutes, `${name}, ${job}`).toBeGreaterThan(0);
      for (const { uses, with: inputs } of steps) {
        if (uses?.startsWith("actions/checkout@"))
          expect(inputs?.["persist-credentials"], `${name}, ${job}`).toBe(false);
        // Of others than GitHub's own, none; and a commit, because a tag can be moved.
        if (uses !== undefined) expect(uses).toMatch(/^actions\/[\w-]+@[0-9a-f]{40}$/);
      }
    }
  }
});

test("the scripts that people download or run in a release pass shellcheck", () => {
  const scripts = ["install.sh", ...globSync("scripts/{release,action}/*.sh", { cwd: root })];
  expect(run(counterpart("shellcheck"), "--exclude=SC2016", ...scripts)).toEqual({
    status: 0,
    output: "",
  });
});

test("the issue forms ask for what is needed, and Dependabot checks what exists", () => {
  for (const name of ["bug", "feature"]) {
    const form = parse(read(`.github/ISSUE_TEMPLATE/${name}.yml`)) as {
      name: string;
      description: string;
      body: { type: string; id?: string; attributes: { label?: string } }[];
    };
    expect(form.name && form.description).toBeTruthy();
    const asked = form.body.filter(({ type }) => type !== "markdown");
    for (const { id, attributes } of asked) expect(id && attributes.label).toBeTruthy();
    expect(new Set(asked.map(({ id }) => id)).size).toBe(asked.length);
  }
  const { updates } = parse(read(".github/dependabot.yml")) as {
    updates: { "package-ecosystem": string; directory: string }[];
  };
  const places = {
    npm: "package.json",
    "github-actions": ".github/workflows/*.yml",
    docker: "Dockerfile",
  };
  for (const { "package-ecosystem": system, directory } of updates) {
    const pattern = Object.entries(places).find(([name]) => name === system)?.[1] ?? "nowhere";
    expect(globSync(join(root, directory, pattern)), system).not.toEqual([]);
  }
});

test("constants that are a number, a text or a pattern are in upper case", () => {
  const files = globSync("{src,formats,bin}/**/*.ts", { cwd: root });
  const lower = files.flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .filter((line) =>
        /^(?:export )?const [a-z]\w*(?:: \w+)? = (?:"[^"]*"|-?[\d_.]+|\/[^*/].*\/\w*);$/.test(line),
      )
      .map((line) => `${file}: ${line}`),
  );
  expect(files.length).toBeGreaterThan(300);
  expect(lower).toEqual([]);
});

test("private members are written one way, except in classes that the package exports", () => {
  const given = ["src/errors.ts", "src/library/change.ts"];
  const wrong = globSync("{bin,src,formats,scripts}/**/*.ts", { cwd: root }).filter(
    (file) => !given.includes(file) && /\bthis\.#\w/.test(readFileSync(join(root, file), "utf8")),
  );
  expect(wrong).toEqual([]);
});
