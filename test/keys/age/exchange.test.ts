import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { counterpart } from "../../counterparts.ts";
import { inTerminal } from "../../io/script.ts";
import { Sandbox } from "../../cli/sandbox.ts";
import { Both } from "../both.ts";
import { alice, bob } from "../fake-host.ts";
import { protectedIdentityFile } from "./protected-file.ts";
import { installStubPlugin, stubKeys } from "./stub-plugin.ts";

/** Keys for all tests of this file, and a folder of plugins. */
const folder = mkdtempSync(join(tmpdir(), "sopsmith-age-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const plugins = join(folder, "plugins");
mkdirSync(plugins);
installStubPlugin(plugins);
const { PATH = "" } = process.env;
const withPlugins = {
  PATH: [plugins, dirname(counterpart("agePluginPq")), PATH].join(delimiter),
  TMPDIR: folder,
  STUB_LOG: join(folder, "log"),
};

function run(program: Parameters<typeof counterpart>[0], args: string[], input = "", env = {}) {
  return execFileSync(counterpart(program), args, {
    input,
    encoding: "utf8",
    env: { PATH, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

function sshKey(name: string, ...options: string[]): { path: string; recipient: string } {
  const path = join(folder, name);
  run("sshKeygen", ["-q", "-C", "me@host", "-f", path, ...options]);
  return { path, recipient: readFileSync(`${path}.pub`, "utf8").trim() };
}

const ed25519 = sshKey("ed25519", "-t", "ed25519", "-N", "");
const rsa = sshKey("rsa", "-t", "rsa", "-b", "2048", "-N", "");
const locked = sshKey("locked", "-t", "ed25519", "-N", "open sesame", "-a", "1");
const lockedPem = sshKey("locked.pem", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "open sesame");

function both(env: Record<string, string> = {}, files: Record<string, string> = {}): Both {
  const pair = new Both(env, files);
  onTestFinished(() => pair.remove());
  return pair;
}

/** The environment and `.ssh` folder of someone who has this key. */
function withSshFolder(pair: Both, key: { path: string }, name: string): void {
  mkdirSync(pair.box.path(".ssh"));
  writeFileSync(pair.box.path(`.ssh/${name}`), readFileSync(key.path), { mode: 0o600 });
}

test.each([
  ["ed25519", ed25519],
  ["rsa", rsa],
])("sops and sopsmith exchange files for an SSH key (%s)", async (_, { path, recipient }) => {
  const env = { SOPS_AGE_SSH_PRIVATE_KEY_FILE: path };
  for (const text of await both().expectExchange(["--age", recipient], env))
    expect(text).toContain(`recipient: ${recipient}`);
});

test.each([
  ["id_ed25519", ed25519],
  ["id_rsa", rsa],
])("finds ~/.ssh/%s by itself", async (name, key) => {
  const pair = both();
  withSshFolder(pair, key, name);
  await pair.expectExchange(["--age", key.recipient]);
});

test("reads an SSH key from a command, which knows the recipient", async () => {
  const command = `sh -c 'test "$SOPS_AGE_RECIPIENT" = "${ed25519.recipient}" && cat ${ed25519.path}'`;
  await both().expectRoundTrip(["--age", ed25519.recipient], {
    SOPS_AGE_SSH_PRIVATE_KEY_CMD: command.replaceAll('"$', '"$'),
  });
});

test("SSH, X25519, post-quantum and plugin keys can share one file, and each opens it", async () => {
  const pair = both(withPlugins);
  const identity = run("ageGoKeygen", ["-pq"]);
  const [stub, stubIdentity] = stubKeys.plain;
  const hybrid = run("ageGoKeygen", ["-y"], identity).trim();
  const all = [rsa.recipient, alice.recipient, hybrid, stub].join(",");
  const file = await pair.sealed(["--age", all]);
  for (const env of [
    { SOPS_AGE_SSH_PRIVATE_KEY_FILE: rsa.path },
    { SOPS_AGE_KEY: alice.identity },
    { SOPS_AGE_KEY: /AGE-SECRET-KEY-PQ-\S+/.exec(identity)?.[0] ?? "" },
    { SOPS_AGE_KEY: stubIdentity },
  ])
    await pair.expectOpens(file, env);
  const added = await pair.sopsmith(["rotate", "--add-age", ed25519.recipient, file], {
    SOPS_AGE_KEY: alice.identity,
  });
  pair.box.write("rotated.yaml", added.stdout);
  await pair.expectOpens("rotated.yaml", { SOPS_AGE_SSH_PRIVATE_KEY_FILE: ed25519.path });
});

test.each(["plain", "message"] as const)(
  "sops and sopsmith exchange files for a plugin's key (%s)",
  async (mode) => {
    const [recipient, identity] = stubKeys[mode];
    const pair = both({ ...withPlugins, SOPS_AGE_KEY: identity });
    const sealed: Record<string, string> = {};
    for (const program of ["sops", "sopsmith"] as const) {
      const result = await pair[program](["encrypt", "--age", recipient, "plain.yaml"]);
      expect(result.code).toBe(0);
      // Real sops shows messages on a terminal only.
      if (mode === "message" && program === "sopsmith")
        expect(result.stderr).toContain("stub plugin: wrapping");
      sealed[program] = result.stdout;
    }
    for (const [reader, writer] of [
      ["sops", "sopsmith"],
      ["sopsmith", "sops"],
    ] as const) {
      pair.box.write("f.yaml", sealed[writer] ?? "");
      const { code, stdout, stderr } = await pair[reader](["decrypt", "f.yaml"]);
      expect([code, stdout]).toEqual([0, pair.box.read("plain.yaml")]);
      if (mode === "message" && reader === "sopsmith")
        expect(stderr).toContain("stub plugin: touch the key");
      else expect(stderr).toBe("");
    }
  },
);

test("opens a post-quantum key through age's own plugin, and a file that age wrote", async () => {
  const identity = run("ageGoKeygen", ["-pq"]);
  const recipient = run("ageGoKeygen", ["-y"], identity).trim();
  const secret = /AGE-SECRET-KEY-PQ-\S+/.exec(identity)?.[0] ?? "";
  const viaPlugin = run("agePluginPq", ["-identity"], secret);
  const pair = both(withPlugins);
  const file = await pair.sealed(["--age", recipient]);
  await pair.expectOpens(file, { SOPS_AGE_KEY: secret });
  pair.box.write("plugin-key.txt", viaPlugin);
  await pair.expectOpens(file, { SOPS_AGE_KEY_FILE: pair.box.path("plugin-key.txt") });
});

test("sends a plugin what the protocol requires", async () => {
  const log = join(folder, "protocol-log");
  const [recipient, identity] = stubKeys.plain;
  const pair = both({ ...withPlugins, STUB_LOG: log, SOPS_AGE_KEY: identity });
  await pair.expectRoundTrip(["--age", recipient]);
  expect(readFileSync(log, "utf8").trim().split("\n")).toEqual([
    `add-recipient ${recipient}`,
    "wrap-file-key",
    "extension-labels",
    "done",
    "ok",
    `add-identity ${identity}`,
    "recipient-stanza 0 stub plain",
    "done",
    "unsupported",
    "ok",
  ]);
});

test("names a plugin that is missing, when encrypting and when decrypting", async () => {
  const [recipient, identity] = stubKeys.plain;
  const pair = both({ SOPS_AGE_KEY: identity });
  const notFound =
    'stub plugin: couldn\'t start plugin: "stub" plugin not found: exec: "age-plugin-stub": executable file not found in $PATH';
  expect(await pair.wrapError(["--age", recipient])).toContain(
    `failed to encrypt new data key with master key "${recipient}": ${notFound}`,
  );
  const file = await pair.sealed(["--age", recipient], withPlugins);
  const report = await pair.unwrapError(file);
  expect(report).toContain(notFound);
  expect(report).toContain(
    `install age-plugin-stub, and make sure that its directory is in PATH: ${recipient}`,
  );
});

test("never runs a plugin from the working directory", async () => {
  const pair = both({ SOPS_AGE_KEY: stubKeys.plain[1], PATH: `:.:${PATH}` });
  installStubPlugin(pair.box.dir);
  expect(await pair.wrapError(["--age", stubKeys.plain[0]])).toContain("plugin not found");
});

test("shows a plugin's own error, and one that ends early", async () => {
  const pair = both(withPlugins);
  expect(await pair.wrapError(["--age", stubKeys.error[0]])).toContain("stub plugin: no such slot");
  const silent = await pair.sealed(["--age", stubKeys.silent[0]]);
  expect(await pair.unwrapError(silent, { SOPS_AGE_KEY: stubKeys.silent[1] })).toContain(
    "stub plugin: it ended before it was done",
  );
});

test("a plugin's question fails if there is no terminal", async () => {
  const pair = both(withPlugins);
  const file = await pair.sealed(["--age", stubKeys.pin[0]]);
  const command = `setsid --wait '${process.execPath}' '${Sandbox.program}' decrypt ${file}`;
  const env = { ...pair.box.env, SOPS_AGE_KEY: stubKeys.pin[1] };
  let stderr = "";
  try {
    execFileSync("sh", ["-c", command], {
      cwd: pair.box.dir,
      env,
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch (error) {
    ({ stderr } = error as { stderr: string });
  }
  expect(stderr).toContain("stub plugin: nobody gave a PIN");
});

/** Decrypts in a terminal, and gives what the screen has shown. */
function decryptInTerminal(
  pair: Both,
  file: string,
  env: Record<string, string>,
  typing: { after: string; type: string }[],
  program = `'${process.execPath}' '${Sandbox.program}'`,
): Promise<string> {
  const variables = Object.entries({ ...pair.box.env, TERM: "xterm", ...env })
    .map(([name, value]) => `${name}='${value}'`)
    .join(" ");
  return inTerminal(
    `cd '${pair.box.dir}' && env -i ${variables} ${program} decrypt ${file} < /dev/null`,
    typing,
  );
}

test.each([
  [
    "pin",
    [
      { after: "stub plugin: Enter PIN:", type: "0000\r" },
      { after: "stub plugin: Enter PIN:", type: "1234\r" },
    ],
  ],
  ["public", [{ after: "stub plugin: Who are you?", type: "ann\r" }]],
  ["confirm", [{ after: "stub plugin: Use the key? [1] Yes, [2] No:", type: "1" }]],
  ["enter", [{ after: "stub plugin: Ready?", type: "\r" }]],
] as const)("passes a plugin's question on to the terminal (%s)", async (mode, typing) => {
  const pair = both(withPlugins);
  const [recipient, identity] = stubKeys[mode];
  const file = await pair.sealed(["--age", recipient]);
  const screen = await decryptInTerminal(pair, file, { SOPS_AGE_KEY: identity }, [...typing]);
  expect(screen).toContain("correct horse");
  expect(screen).not.toContain("1234");
});

test("a plugin is told that the user said no", async () => {
  const pair = both(withPlugins);
  const [recipient, identity] = stubKeys.confirm;
  const file = await pair.sealed(["--age", recipient]);
  const screen = await decryptInTerminal(pair, file, { SOPS_AGE_KEY: identity }, [
    { after: "[2] No:", type: "2" },
  ]);
  expect(screen).toContain("stub plugin: the user said no");
});

test.each([
  ["OpenSSH", locked],
  ["PEM, with its public half beside it", lockedPem],
])("asks for the passphrase of an SSH key (%s)", async (_, { path, recipient }) => {
  const pair = both({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: path });
  const file = await pair.sealed(["--age", recipient]);
  const typing = [{ after: `Enter passphrase for "${path}":`, type: "open sesame\r" }];
  const screen = await decryptInTerminal(pair, file, {}, typing);
  expect(screen).toContain("correct horse");
  expect(screen).not.toContain("sesame");
  const theirs = await pair.sops(["encrypt", "--age", recipient, "plain.yaml"]);
  pair.box.write("theirs.yaml", theirs.stdout);
  expect(await decryptInTerminal(pair, "theirs.yaml", {}, typing)).toContain("correct horse");
  expect(await decryptInTerminal(pair, file, {}, typing, counterpart("sops"))).toContain(
    "correct horse",
  );
});

test("asks for no passphrase of an SSH key that the file is not for", async () => {
  const pair = both({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: locked.path });
  const file = await pair.sealed(["--age", bob.recipient]);
  const screen = await decryptInTerminal(pair, file, {}, []);
  expect(screen).toContain("did not match any of the recipients");
  expect(screen).not.toContain("Enter passphrase");
});

test("reads the passphrase of an SSH key from the environment, a file or a command", async () => {
  const pair = both({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: locked.path }, { pass: "open sesame\n" });
  const file = await pair.sealed(["--age", locked.recipient]);
  const variable = "SOPS_AGE_SSH_PRIVATE_KEY_PASSPHRASE";
  await pair.expectOpens(file, { [variable]: "open sesame" });
  await pair.expectOpens(file, { [`${variable}_FILE`]: pair.box.path("pass") });
  await pair.expectOpens(file, { [`${variable}_CMD`]: "cat pass" });
  const wrong = await pair.unwrapError(file, { [variable]: "open barley" });
  expect(wrong).toContain(`run again with the right passphrase of ${locked.path}`);
  expect(wrong).toContain("incorrect passphrase");
  expect(wrong).not.toContain("barley");
});

test("asks for the passphrase of an identity file, as sops does", async () => {
  const pair = both(
    {},
    { "key.age": protectedIdentityFile(`# mine\n${bob.identity}\n`, "open sesame") },
  );
  const env = { SOPS_AGE_KEY_FILE: pair.box.path("key.age") };
  const file = await pair.sealed(["--age", bob.recipient]);
  for (const program of [undefined, counterpart("sops")]) {
    const screen = await decryptInTerminal(
      pair,
      file,
      env,
      [{ after: "Enter passphrase for identity 'SOPS_AGE_KEY_FILE':", type: "open sesame\r" }],
      program,
    );
    expect(screen).toContain("correct horse");
    expect(screen).not.toContain("sesame");
  }
});

test("reads the passphrase of an identity file from the environment, a file or a command", async () => {
  const pair = both(
    { SOPS_AGE_KEY: protectedIdentityFile(bob.identity, "open sesame") },
    { pass: "open sesame\r\n" },
  );
  const file = await pair.sealed(["--age", bob.recipient]);
  const variable = "SOPS_AGE_KEY_PASSPHRASE";
  await pair.expectOpens(file, { [variable]: "open sesame" });
  await pair.expectOpens(file, { [`${variable}_FILE`]: pair.box.path("pass") });
  await pair.expectOpens(file, { [`${variable}_CMD`]: "cat pass" });
  expect(await pair.unwrapError(file, { [variable]: "wrong" })).toContain(
    "failed to decrypt identity file 'SOPS_AGE_KEY': incorrect passphrase",
  );
  expect(await pair.unwrapError(file, { [`${variable}_FILE`]: "/nowhere" })).toContain(
    `failed to open ${variable}_FILE file: no such file or directory`,
  );
  expect(await pair.unwrapError(file, { [`${variable}_CMD`]: "false" })).toContain(
    `failed to execute command of ${variable}_CMD: exit status 1`,
  );
});

test("Debian's age opens what sopsmith wraps for an SSH key, and vice versa", async () => {
  for (const { path, recipient } of [ed25519, rsa]) {
    const pair = both({ SOPS_AGE_SSH_PRIVATE_KEY_FILE: path });
    const file = await pair.sealed(["--age", recipient]);
    const enc =
      /-----BEGIN AGE[^]*END AGE ENCRYPTED FILE-----\n/.exec(pair.box.read(file))?.[0] ?? "";
    const armored = enc.replaceAll(/^ +/gm, "");
    const dataKey = execFileSync(counterpart("age"), ["-d", "-i", path], { input: armored });
    expect(dataKey).toHaveLength(32);
    const again = execFileSync(counterpart("age"), ["-a", "-r", recipient], { input: dataKey });
    const indent = / +(?=-----BEGIN AGE)/.exec(pair.box.read(file))?.[0] ?? "";
    const theirs = again.toString().trimEnd().replaceAll(/^/gm, indent);
    pair.box.write(
      "theirs.yaml",
      pair.box.read(file).replace(/ +-----BEGIN AGE[^]*FILE-----/, theirs),
    );
    await pair.expectOpens("theirs.yaml");
  }
});

test("Debian's age accepts the stub plugin too", () => {
  const [recipient, identity] = stubKeys.plain;
  const sealed = run("age", ["-a", "-r", recipient], "text", withPlugins);
  const key = join(folder, "stub-key");
  writeFileSync(key, `${identity}\n`);
  chmodSync(key, 0o600);
  expect(run("age", ["-d", "-i", key], sealed, withPlugins)).toBe("text");
});
