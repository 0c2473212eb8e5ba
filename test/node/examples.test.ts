import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { counterpart } from "../counterparts.ts";

const root = join(import.meta.dirname, "../..");
const packages = counterpart("example-packages");
const secret = "example-secret-value";
const answer = "db.example.com, password of 20 characters";

let folder: string;
const home = mkdtempSync(join(tmpdir(), "sopsmith-home-"));

beforeAll(() => {
  folder = mkdtempSync(join(packages, "run-"));
  cpSync(join(root, "examples"), folder, { recursive: true });
  // The packed package, as npm installs it.
  const [packed] = JSON.parse(
    must("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  ) as [{ filename: string }];
  const installed = join(folder, "node_modules/sopsmith");
  mkdirSync(installed, { recursive: true });
  must(
    "tar",
    ["xzf", join(folder, packed.filename), "--strip-components=1", "-C", installed],
    folder,
  );
  for (const name of ["vite", "vitest", "zod", "@types"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
});

afterAll(() => {
  for (const path of [folder, home]) rmSync(path, { recursive: true, force: true });
});

const environment = (): NodeJS.ProcessEnv => ({
  // Next takes no folder for the root that holds the home directory.
  HOME: home,
  PATH: [
    join(root, "node_modules/.bin"),
    join(packages, "node_modules/.bin"),
    process.env["PATH"] ?? "",
  ].join(":"),
  NEXT_TELEMETRY_DISABLED: "1",
  NO_COLOR: "1",
  SOPS_AGE_KEY_FILE: join(folder, "key.txt"),
});

function run(command: string, args: readonly string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: environment(),
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

function must(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** A script of an example's package.json. */
function scriptOf(example: string, name: string): string {
  const text = readFileSync(join(folder, example, "package.json"), "utf8");
  const { scripts } = JSON.parse(text) as { scripts: Record<string, string> };
  const line = scripts[name];
  if (line === undefined) throw new Error(`${example} has no script ${name}`);
  return line;
}

const runScript = (example: string, name: string) =>
  run("sh", ["-c", scriptOf(example, name)], join(folder, example));

/** What a server answers that a script starts. */
async function served(example: string, line = scriptOf(example, "start")): Promise<string> {
  const server = spawn("sh", ["-c", `exec ${line}`], {
    cwd: join(folder, example),
    env: { ...environment(), PORT: "0" },
  });
  try {
    let output = "";
    const url = await new Promise<string>((resolve, reject) => {
      const read = (piece: Buffer) => {
        output += piece.toString();
        const [, found] = /(http:\/\/(?:127\.0\.0\.1|localhost):\d+)/.exec(output) ?? [];
        if (found !== undefined) resolve(found);
      };
      server.stdout.on("data", read);
      server.stderr.on("data", read);
      server.once("exit", () => reject(new Error(`the server ended: ${output}`)));
    });
    for (let attempt = 1; ; attempt++) {
      try {
        return await (await fetch(url)).text();
      } catch (error) {
        if (attempt === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    server.kill("SIGKILL");
  }
}

/** Files below that hold the secret. */
function leaks(...path: string[]): string[] {
  const below = join(folder, ...path);
  expect(existsSync(below)).toBe(true);
  return globSync("**/*", { cwd: below }).filter(
    (name) =>
      statSync(join(below, name)).isFile() && readFileSync(join(below, name)).includes(secret),
  );
}

/** Lets a file of the browser import the secrets while `work` runs. */
function withClientImport<T>(file: string, line: string, work: () => T): T {
  const path = join(folder, file);
  const text = readFileSync(path, "utf8");
  writeFileSync(
    path,
    text.startsWith('"use client"') ? text.replace("\n", `\n${line}`) : `${line}${text}`,
  );
  try {
    return work();
  } finally {
    writeFileSync(path, text);
  }
}

const refusal =
  "is encrypted and belongs on the server: import it only in code that no browser loads.";

test("node-esm: load with layered files and a schema", () => {
  expect(runScript("node-esm", "start")).toEqual({
    status: 0,
    stdout: "db.example.com:5432, 3 retries\npassword of 20 characters\n",
    stderr: "",
  });
});

test("node-cjs: --import fills the environment of a CommonJS program", () => {
  expect(runScript("node-cjs", "start")).toEqual({
    status: 0,
    stdout: "db.example.com\npassword of 20 characters\n",
    stderr: "",
  });
});

test("express: a server imports an encrypted file", async () => {
  expect(await served("express")).toBe(answer);
});

test("tsx: TypeScript imports an encrypted file with its types", () => {
  expect(runScript("tsx", "start")).toEqual({
    status: 0,
    stdout: "db.example.com:5432\npassword of 20 characters\n",
    stderr: "",
  });
  const bin = join(folder, "node_modules/sopsmith/dist/bin/sopsmith.js");
  must("node", [bin, "types", "--check", "secrets.enc.yaml"], join(folder, "tsx"));
  must("tsc", ["-p", "tsconfig.json"], join(folder, "tsx"));
});

test("vite-ssr: the server has the value, neither bundle has the secret, a client import fails", async () => {
  const built = runScript("vite-ssr", "build");
  expect([built.status, built.status === 0 ? "" : built.stderr]).toEqual([0, ""]);
  expect(await served("vite-ssr")).toContain(answer);
  expect(leaks("vite-ssr/dist")).toEqual([]);
  expect(
    globSync("assets/*.secrets.enc.yaml", { cwd: join(folder, "vite-ssr/dist/server") }),
  ).toHaveLength(1);
  const line = 'import secrets from "./secrets.enc.yaml";\nconsole.log(secrets);\n';
  const refused = withClientImport("vite-ssr/src/entry-client.js", line, () =>
    run("vite", ["build", "--outDir", "dist/refused"], join(folder, "vite-ssr")),
  );
  expect(refused.status).toBe(1);
  expect(refused.stdout + refused.stderr).toContain(`src/secrets.enc.yaml ${refusal}`);
});

test("vitest: tests import an encrypted file", () => {
  const { status, stdout } = runScript("vitest", "test");
  expect([status, stdout]).toEqual([0, expect.stringMatching(/Tests\s+1 passed/)]);
});

test(
  "next: the server has the value, nothing that is built has the secret, a client import fails",
  { timeout: 600_000 },
  async () => {
    const built = runScript("next", "build");
    expect([built.status, built.status === 0 ? "" : built.stdout + built.stderr]).toEqual([0, ""]);
    expect(leaks("next/.next")).toEqual([]);
    expect(existsSync(join(folder, "next/.next/static"))).toBe(true);
    const page = await served("next", "next start -p 0");
    expect(page).toContain(answer);
    expect(page).not.toContain(secret);
    const line = 'import secrets from "../secrets.enc.yaml";\nconsole.log(secrets);\n';
    for (const [bundler, sentence] of [
      ["--turbopack", refusal],
      ["--webpack", "'server-only' cannot be imported from a Client Component module."],
    ] as const) {
      const refused = withClientImport("next/app/client/counter.js", line, () =>
        run("next", ["build", bundler], join(folder, "next")),
      );
      expect(refused.status).toBe(1);
      expect(refused.stdout + refused.stderr).toContain(sentence);
    }
  },
);
