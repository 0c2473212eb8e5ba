import { spawnSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { credentials, Client, type ServiceError } from "@grpc/grpc-js";
import { commands } from "../../src/cli/commands/index.ts";
import * as flags from "../../src/cli/flags.ts";
import { npmProgram } from "../cli/program-under-test.ts";
import { Both } from "../keys/both.ts";
import { alice, bob } from "../keys/fake-host.ts";
import { KeyRing } from "../keys/key-ring.ts";
import { freePort, Service, type Program } from "./service.ts";

// Services of sopsmith and of real sops, each asked by both programs. Only the services have keys.

let both: Both;
let withKeys: Readonly<Record<string, string>>;
const running: Service[] = [];

beforeAll(() => {
  both = new Both();
  withKeys = { ...both.box.env, SOPS_AGE_KEY: alice.identity };
});
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
});
afterAll(() => both.remove());

async function start(
  program: Program,
  network: "tcp" | "unix",
  how: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<{ service: Service; uri: string; through: string[] }> {
  const uri =
    network === "tcp"
      ? `tcp://127.0.0.1:${await freePort()}`
      : `unix://${both.box.path(`${program}.sock`)}`;
  const service = await Service.start(program, uri, { ...how, env: { ...withKeys, ...how.env } });
  running.push(service);
  return { service, uri, through: ["--enable-local-keyservice=false", "--keyservice", uri] };
}

const to = ["--age", alice.recipient];

test.each([
  ["sopsmith", "tcp"],
  ["sopsmith", "unix"],
  ["sops", "tcp"],
  ["sops", "unix"],
] as const)(
  "through a %s key service on %s both programs encrypt and decrypt",
  async (program, network) => {
    const { through } = await start(program, network);
    for (const writer of ["sopsmith", "sops"] as const) {
      const sealed = await both[writer](["encrypt", ...through, ...to, "plain.yaml"]);
      expect([sealed.code, sealed.stderr]).toEqual([0, ""]);
      both.box.write("sealed.yaml", sealed.stdout);
      for (const reader of ["sopsmith", "sops"] as const)
        expect(await both[reader](["decrypt", ...through, "sealed.yaml"])).toEqual({
          code: 0,
          stdout: both.box.read("plain.yaml"),
          stderr: "",
        });
    }
  },
);

test("PGP keys are used through a key service too", async () => {
  const ring = new KeyRing();
  try {
    const { fingerprint } = ring.makeKey("service");
    for (const program of ["sopsmith", "sops"] as const) {
      const { through } = await start(program, "unix", { env: ring.env });
      for (const [writer, reader] of [
        ["sopsmith", "sops"],
        ["sops", "sopsmith"],
      ] as const) {
        const words = ["encrypt", ...through, "--pgp", fingerprint, "plain.yaml"];
        const sealed = await both[writer](words);
        expect([sealed.code, sealed.stderr]).toEqual([0, ""]);
        both.box.write("pgp.yaml", sealed.stdout);
        const { stdout } = await both[reader](["decrypt", ...through, "pgp.yaml"]);
        expect(stdout).toBe(both.box.read("plain.yaml"));
      }
    }
  } finally {
    ring.remove();
  }
});

test("every command that uses keys, and the form without a command, accepts --keyservice", async () => {
  const entries = commands.flatMap((entry) => ("load" in entry ? [entry] : entry.commands));
  const loaded = await Promise.all(entries.map(async (c) => [c.name, await c.load()] as const));
  const some = loaded.filter(([, command]) => command.flags.includes(flags.localKeyService));
  expect(some.length).toBeGreaterThan(5);
  expect(
    some.filter(([, command]) => !command.flags.includes(flags.keyService)).map(([name]) => name),
  ).toEqual([]);
  const { through } = await start("sopsmith", "unix");
  both.box.write("legacy.yaml", (await both.sopsmith(["encrypt", ...to, "plain.yaml"])).stdout);
  const { stdout, stderr } = await both.sopsmith([...through, "-d", "legacy.yaml"]);
  expect([stdout, stderr]).toEqual([both.box.read("plain.yaml"), ""]);
});

test("services are asked in order, after this machine's own keys, and SOPS_KEYSERVICE names some", async () => {
  const dead = `tcp://127.0.0.1:${await freePort()}`;
  const { uri } = await start("sopsmith", "tcp");
  const file = await both.sealed(to);
  const SOPS_KEYSERVICE = `${dead}, ${uri}`;
  await both.expectOpens(file, { SOPS_KEYSERVICE });
  // A flag replaces the variable's whole list.
  const replaced = await both.sopsmith(["decrypt", "--keyservice", dead, file], {
    SOPS_KEYSERVICE,
  });
  expect(replaced.code).toBe(128);
  const report = await both.unwrapError(file, { SOPS_KEYSERVICE: dead });
  // The reason of this machine's own key first, then the service's.
  expect(report).toMatch(
    /: FAILED - (?!rpc)[^\n]+; rpc error: code = Unavailable desc = cannot connect: connect E\w+/,
  );
  expect(report).toContain(`start the key service at ${dead}`);
  expect(report).not.toContain("Resolution");
  expect(report).toContain(`key service ${dead}`);
});

test("a service that cannot use the key says why", async () => {
  for (const program of ["sopsmith", "sops"] as const) {
    const { through } = await start(program, "unix");
    const file = await both.sealed(["--age", bob.recipient]);
    const { code, stdout, stderr } = await both.sopsmith(["decrypt", ...through, file]);
    expect([code, stdout]).toEqual([128, ""]);
    expect(stderr).toContain("rpc error: code = Unknown desc = ");
    const refused = await both.sops(["decrypt", ...through, file]);
    expect(refused.code).toBe(128);
  }
});

test("an invalid address is skipped with a warning", async () => {
  const words = ["encrypt", "--keyservice", "127.0.0.1:5000", ...to, "plain.yaml"];
  const { code, stdout, stderr } = await both.sopsmith(words);
  expect(code).toBe(0);
  expect(stdout).toContain("ENC[");
  expect(stderr).toMatch(
    /^WARN: Error parsing URI for keyservice, skipping "127\.0\.0\.1:5000".*\n$/,
  );
});

test("--prompt asks about each request, and n refuses it", async () => {
  const { service, through } = await start("sopsmith", "unix", { args: ["--prompt"] });
  const file = await both.sealed(to);
  service.type("x\ny\n");
  const opened = await both.sopsmith(["decrypt", ...through, file]);
  expect(opened.stdout).toBe(both.box.read("plain.yaml"));
  const question = `\nReceived decrypt request using age key with recipient ${alice.recipient}. Respond to request? (y/n): `;
  expect(service.stdout).toBe(question + question);
  service.type("n\n");
  const refused = await both.sops(["decrypt", ...through, file]);
  expect(refused.code).toBe(128);
  expect(refused.stderr.replaceAll(/\s+\|?\s*/g, " ")).toContain("Request rejected by user");
  service.endInput();
  const unanswered = await both.sopsmith(["encrypt", ...through, ...to, "plain.yaml"]);
  expect([unanswered.code, unanswered.stdout]).toEqual([1, ""]);
  expect(unanswered.stderr).toContain("code = Unknown desc = EOF");
});

test("a request without a key, and an unknown method, are answered with an error", async () => {
  const { uri } = await start("sopsmith", "tcp");
  const client = new Client(uri.slice("tcp://".length), credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const ask = (method: string, request: string): Promise<ServiceError | null> =>
    new Promise((resolve) => {
      const bytes = Buffer.from(request, "hex");
      client.makeUnaryRequest(`/KeyService/${method}`, same, same, bytes, resolve);
    });
  expect(await ask("Encrypt", "")).toMatchObject({ code: 5, details: "Must provide a key" });
  expect(await ask("Decrypt", "0a00")).toMatchObject({ code: 5, details: "Must provide a key" });
  expect(await ask("Rotate", "")).toMatchObject({ code: 12 });
  client.close();
});

test.each(["SIGTERM", "SIGINT"] as const)("%s ends a service with status 0", async (signal) => {
  const { service } = await start("sopsmith", "unix", { args: ["--verbose"] });
  expect(existsSync(both.box.path("sopsmith.sock"))).toBe(true);
  expect(await service.stop(signal)).toBe(0);
  expect(existsSync(both.box.path("sopsmith.sock"))).toBe(false);
  expect(service.stderr).toMatch(
    /^INFO: Listening on unix:\/\/\/.*\nINFO: Caught signal (terminated|interrupt): shutting down\.\n$/,
  );
});

test.each([
  [["--address", "nowhere"], /"nowhere" is not an address\nWrite --address as HOST:PORT/],
  [["--network", "udp"], /unknown network "udp"\n--network must be tcp, tcp4, tcp6 or unix\./],
  [["--net", "unix", "--addr", "none/s.sock"], /none\/s\.sock: .*\nChoose a path/],
])("keyservice %j is refused", async (words, stderr) => {
  const result = await both.sopsmith(["keyservice", ...words]);
  expect([result.code, result.stdout]).toEqual([1, ""]);
  expect(result.stderr).toMatch(stderr);
  expect(result.stderr).toMatch(/^Error running keyservice: /);
});

test("a socket that already exists is not replaced", async () => {
  await start("sopsmith", "unix");
  const { code, stderr } = await both.sopsmith([
    "keyservice",
    "--network=unix",
    `--address=${both.box.path("sopsmith.sock")}`,
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^Error running keyservice: .*: address already in use\nAnother key service is listening there/,
  );
});

test("without the optional packages the message names the one to install", async () => {
  const file = await both.sealed(to);
  cpSync(dirname(npmProgram), both.box.path("bare/bin"), { recursive: true });
  both.box.write("bare/package.json", '{ "type": "module" }');
  const run = (...words: string[]) => {
    const program = both.box.path("bare/bin/sopsmith.js");
    const { dir: cwd, env } = both.box;
    return spawnSync(process.execPath, [program, ...words], { cwd, env, encoding: "utf8" });
  };
  const server = run("keyservice");
  expect([server.status, server.stdout]).toEqual([1, ""]);
  expect(server.stderr).toBe(
    "the package @grpc/grpc-js is not installed\nInstall it: npm install @grpc/grpc-js@1 @grpc/proto-loader@0.8\n",
  );
  const client = run("decrypt", "--keyservice", "tcp://127.0.0.1:1", file);
  expect([client.status, client.stdout]).toEqual([128, ""]);
  expect(client.stderr).toContain("the package @grpc/grpc-js is not installed");
});
