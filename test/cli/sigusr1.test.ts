import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { programUnderTest } from "./program-under-test.ts";
import { identities, sealed } from "./samples.ts";
import { Sandbox } from "./sandbox.ts";

// Where nothing listens, Node answers this signal by opening its debugger on port 9229, to every user of the machine.

interface Run {
  readonly child: ChildProcess;
  readonly box: Sandbox;
  readonly output: () => string;
  readonly ended: Promise<unknown>;
}

function start(args: readonly string[], env: Record<string, string> = {}): Run {
  const box = new Sandbox({ ...sealed, ed: "#!/bin/sh\n: > ready\nexec sleep 20\n", kubeconfig });
  chmodSync(box.path("ed"), 0o755);
  const [program, ...first] = programUnderTest;
  const child = spawn(program, [...first, ...args], {
    cwd: box.dir,
    env: { ...box.env, TMPDIR: "", SOPS_AGE_KEY: identities.A, EDITOR: "./ed", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise((resolve) => child.once("exit", (...end) => resolve(end)));
  return { child, box, output: () => output, ended };
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: u, user: {}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
`;

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(25);
  expect(condition()).toBe(true);
}

const noServers = ["--metrics-bind-address", "0", "--health-probe-bind-address", "0"];

test.each<[string, string[], (run: Run) => boolean, end: [number | null, string | null]]>([
  ["edit", ["edit", "sealed.yaml"], ({ box }) => existsSync(box.path("ready")), [null, "SIGUSR1"]],
  [
    "keyservice",
    ["keyservice", "--verbose", "--network", "unix", "--address", "socket"],
    ({ output }) => output().includes("Listening"),
    [0, null],
  ],
  [
    "operator",
    ["operator", "--kubeconfig", "kubeconfig", ...noServers],
    ({ output }) => output().includes("started"),
    [null, "SIGUSR1"],
  ],
])("SIGUSR1 ends %s, and opens no debugger", async (_, args, isReady, end) => {
  const run = start(args);
  await until(() => isReady(run));
  run.child.kill("SIGUSR1");
  expect(await run.ended).toEqual(end);
  expect(run.output()).not.toMatch(/debugger|inspector|ws:\/\//i);
  run.box.remove();
});

test("SIGUSR1 leaves no plain text of edit behind", async () => {
  const box = new Sandbox();
  const run = start(["edit", "sealed.yaml"], { TMPDIR: box.dir, XDG_RUNTIME_DIR: box.dir });
  await until(() => existsSync(run.box.path("ready")));
  run.child.kill("SIGUSR1");
  await run.ended;
  expect(readdirSync(box.dir)).toEqual([]);
  run.box.remove();
  box.remove();
});
