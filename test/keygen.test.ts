import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ConflictError } from "../src/errors.ts";
import type { Host } from "../src/io/host.ts";
import { appendToKeyFile, createPrivateFile } from "../src/io/key-file.ts";
import { realHost } from "../src/io/real-host.ts";
import { findAgeIdentities } from "../src/keys/age/identities.ts";
import { keygen, type KeygenFiles, type KeygenOptions } from "../src/keygen.ts";
import { counterpart } from "./counterparts.ts";
import { scratchDir } from "./io/script.ts";

const terminal = { isTerminal: true, isWorldReadable: false };

function files(stdin = "", stdout = terminal): KeygenFiles {
  return {
    readStdin: async () => Buffer.from(stdin),
    createPrivateFile,
    appendToKeyFile,
    describeStdout: () => stdout,
  };
}

function hostWith(env: Host["env"] = {}, platform: NodeJS.Platform = "linux"): Host {
  return { ...realHost(), env, platform, now: () => new Date("2026-11-23T21:15:59.999Z") };
}

function run(options: KeygenOptions, from: KeygenFiles = files(), host: Host = hostWith()) {
  return keygen(options, host, from);
}

const layout = /^# created: (\S+)\n# public key: (age1[a-z0-9]+)\n(AGE-SECRET-KEY-[A-Z0-9-]+)\n$/;

const has = (program: string) => spawnSync(program, ["--version"]).status === 0;
let hasAge = false;
beforeAll(() => {
  hasAge = has("age") && has("age-keygen");
});

test("prints a key in age-keygen's layout", async () => {
  const { stdout, notes } = await run({});
  const [, created, recipient, identity] = layout.exec(stdout) ?? [];
  expect(Date.parse(created ?? "")).toBe(Date.parse("2026-11-23T21:15:59Z"));
  expect(created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:59(?:Z|[+-]\d\d:\d\d)$/);
  expect(recipient).toHaveLength(62);
  expect(identity).toMatch(/^AGE-SECRET-KEY-1/);
  expect(notes).toEqual([]);
  if (hasAge) {
    const shape = (text: string) => text.replaceAll(/[A-Za-z0-9:+-]{20,}/g, "x");
    expect(shape(stdout)).toBe(
      shape(execFileSync("age-keygen", { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })),
    );
    expect(execFileSync("age-keygen", ["-y"], { input: stdout, encoding: "utf8" })).toBe(
      `${recipient}\n`,
    );
  }
});

test("names the recipient if stdout is not a terminal, and warns about a file that everybody can read", async () => {
  const world = files("", { isTerminal: false, isWorldReadable: true });
  const { stdout, warnings, notes } = await run({}, world);
  expect(warnings).toEqual(["warning: writing secret key to a world-readable file"]);
  expect(notes).toEqual([`Public key: ${layout.exec(stdout)?.[2]}`]);
});

test("writes local time with its offset", async () => {
  const zone = process.env["TZ"];
  try {
    for (const [name, expected] of [
      ["Asia/Kolkata", "2026-11-24T02:45:59+05:30"],
      ["America/St_Johns", "2026-11-23T17:45:59-03:30"],
      ["UTC", "2026-11-23T21:15:59Z"],
    ]) {
      process.env["TZ"] = name;
      expect((await run({})).stdout).toContain(`# created: ${expected}\n`);
    }
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

test("makes a private file that age opens files with", async () => {
  const output = join(scratchDir(), "key.txt");
  const { stdout, notes } = await run({ output });
  const recipient = layout.exec(readFileSync(output, "utf8"))?.[2] ?? "";
  expect(stdout).toBe("");
  expect(notes).toEqual([`Public key: ${recipient}`]);
  expect(statSync(output).mode & 0o7777).toBe(0o600);
  if (hasAge) {
    const sealed = execFileSync("age", ["-r", recipient], { input: "hello" });
    expect(execFileSync("age", ["-d", "-i", output], { input: sealed, encoding: "utf8" })).toBe(
      "hello",
    );
  }
});

test("never overwrites a file", async () => {
  const output = join(scratchDir(), "key.txt");
  writeFileSync(output, "precious");
  await expect(run({ output })).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining("file exists"),
  });
  await expect(run({ output, convert: {} }, files("x"))).rejects.toMatchObject({ exitCode: 1 });
  expect(readFileSync(output, "utf8")).toBe("precious");
});

test("makes post-quantum keys", async () => {
  const { stdout } = await run({ pq: true });
  const [, , recipient, identity] = layout.exec(stdout) ?? [];
  expect(recipient).toMatch(/^age1pq1/);
  expect(identity).toMatch(/^AGE-SECRET-KEY-PQ-1/);
  const { Encrypter, Decrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient ?? "");
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity ?? "");
  expect(await decrypter.decrypt(await encrypter.encrypt("hello"), "text")).toBe("hello");
});

test("prints the recipients of a file or of stdin, as age-keygen -y does", async () => {
  const keys = `${(await run({})).stdout}\r\n\n# comment\n${(await run({})).stdout.trimEnd()}`;
  const expected = [...keys.matchAll(/# public key: (\S+)/g)]
    .map(([, recipient]) => `${recipient}\n`)
    .join("");
  const input = join(scratchDir(), "keys.txt");
  writeFileSync(input, keys);
  const recipients = expected.trimEnd().split("\n");
  expect(await run({ convert: { input } })).toEqual({
    stdout: expected,
    keys: recipients.map((recipient) => ({ recipient })),
    warnings: [],
    notes: [],
  });
  expect((await run({ convert: {} }, files(keys))).stdout).toBe(expected);
  expect((await run({ convert: { input: "-" } }, files(keys))).stdout).toBe(expected);
  if (hasAge)
    expect(execFileSync("age-keygen", ["-y", input], { encoding: "utf8" })).toBe(expected);
  const pq = (await run({ pq: true })).stdout;
  expect((await run({ convert: {} }, files(pq))).stdout).toBe(`${/age1pq1\w+/.exec(pq)?.[0]}\n`);

  const output = join(scratchDir(), "recipients.txt");
  expect(await run({ convert: { input }, output })).toEqual({
    stdout: "",
    keys: recipients.map((recipient) => ({ recipient, file: output })),
    warnings: [],
    notes: [],
  });
  expect(readFileSync(output, "utf8")).toBe(expected);
});

test.each([
  ["", "failed to parse input: no secret keys found"],
  ["# comment\n", "failed to parse input: no secret keys found"],
  [
    "# one\nAGE-SECRET-KEY-1SECRET\n",
    "failed to parse input: error at line 2: malformed secret key",
  ],
  ["secret\n", "failed to parse input: error at line 1: malformed secret key"],
  [
    "AGE-PLUGIN-YUBIKEY-1SECRET\n",
    "failed to parse input: error at line 1: this is the identity of an age plugin",
  ],
  [
    "-----BEGIN AGE ENCRYPTED FILE-----\n",
    "failed to parse input: failed to decrypt identity file '<stdin>': it is damaged, or not protected by a passphrase",
  ],
  [
    "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    "failed to parse input: malformed SSH private key: it is damaged",
  ],
])("refuses identities %j without quoting them", async (text, message) => {
  const output = join(scratchDir(), "recipients.txt");
  await expect(run({ convert: {}, output }, files(text))).rejects.toMatchObject({
    exitCode: 1,
    message,
  });
  expect(existsSync(output)).toBe(false);
});

test("says that an input file is missing", async () => {
  await expect(run({ convert: { input: "/no/such/file" } })).rejects.toMatchObject({
    exitCode: 1,
    message: 'failed to open input file "/no/such/file": no such file or directory',
  });
});

test.each<KeygenOptions>([
  { convert: {}, pq: true },
  { default: true, output: "x" },
  { default: true, convert: {} },
])("refuses %j", async (options) => {
  await expect(run(options)).rejects.toBeInstanceOf(ConflictError);
});

test("makes the default key file where decryption looks for it", async () => {
  const home = scratchDir();
  const host = hostWith({ HOME: home });
  const { stdout, notes } = await run({ default: true }, files(), host);
  const path = join(home, ".config/sops/age/keys.txt");
  const text = readFileSync(path, "utf8");
  const recipient = layout.exec(text)?.[2] ?? "";
  expect(stdout).toBe(`${recipient}\n`);
  expect(notes.join("\n")).toContain(path);
  expect(notes.at(-1)).toContain(`sopsmith encrypt --age ${recipient}`);
  expect(statSync(path).mode & 0o7777).toBe(0o600);
  for (let dir = dirname(path); dir !== home; dir = dirname(dir))
    expect(statSync(dir).mode & 0o7777).toBe(0o700);
  const found = await findAgeIdentities(recipient, host);
  expect(found.identities).toMatchObject([{ location: path }]);
});

test.each([
  ["linux", { XDG_CONFIG_HOME: "/HOME/xdg", HOME: "/HOME" }, "/HOME/xdg/sops/age/keys.txt"],
  ["freebsd", { HOME: "/HOME" }, "/HOME/.config/sops/age/keys.txt"],
  ["darwin", { HOME: "/HOME" }, "/HOME/Library/Application Support/sops/age/keys.txt"],
  ["darwin", { XDG_CONFIG_HOME: "/HOME/xdg", HOME: "/HOME" }, "/HOME/xdg/sops/age/keys.txt"],
  [
    "win32",
    { AppData: "C:\\Users\\u\\AppData\\Roaming\\", HOME: "/HOME" },
    "C:\\Users\\u\\AppData\\Roaming\\sops\\age\\keys.txt",
  ],
] as const)("knows the default key file on %s", async (platform, env, expected) => {
  const host = hostWith(env, platform);
  let written = "";
  const { notes } = await run(
    { default: true },
    {
      ...files(),
      appendToKeyFile: async (path) => {
        written = path;
        return { hadContent: false, isOpenToOthers: false };
      },
    },
    host,
  );
  expect(written).toBe(expected);
  expect(notes.join("\n")).toContain(expected);
  // What decryption looks at last is the default key file.
  let read = "";
  await findAgeIdentities("age1", {
    ...host,
    readFile: async (path) => {
      read = path;
      throw Object.assign(new Error("none"), { code: "ENOENT" });
    },
  });
  expect(read).toBe(expected);
});

test.each([
  ["linux", {}],
  ["linux", { XDG_CONFIG_HOME: "relative", HOME: "/home" }],
  ["win32", { HOME: "/home" }],
] as const)("says that there is no default key file on %s with %j", async (platform, env) => {
  await expect(run({ default: true }, files(), hostWith(env, platform))).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/^user config directory could not be determined: /),
  });
});

function keyFile(content: string, mode = 0o600): { path: string; host: Host } {
  const home = scratchDir();
  const path = join(home, ".config/sops/age/keys.txt");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
  return { path, host: hostWith({ HOME: home }) };
}

test.each(["# old\nAGE-SECRET-KEY-1OLD\n", "AGE-SECRET-KEY-1OLD", "\r\n", ""])(
  "adds to a key file that contains %j and keeps every line",
  async (old) => {
    const { path, host } = keyFile(old);
    await run({ default: true }, files(), host);
    const text = readFileSync(path, "utf8");
    const kept = old === "" || old.endsWith("\n") ? old : `${old}\n`;
    expect(text.startsWith(kept)).toBe(true);
    expect(text.slice(kept.length)).toMatch(layout);
    expect(readdirSync(dirname(path))).toEqual(["keys.txt"]);
  },
);

test("leaves the permissions of a key file alone and warns if others can read it", async () => {
  const { path, host } = keyFile("", 0o640);
  const { warnings } = await run({ default: true }, files(), host);
  expect(statSync(path).mode & 0o7777).toBe(0o640);
  expect(warnings[0]).toMatch(/^warning: other users .*chmod 600/);
});

test.each(["age-encryption.org/v1\n-> scrypt", "-----BEGIN AGE ENCRYPTED FILE-----\n"])(
  "does not damage a key file protected by a passphrase",
  async (old) => {
    const { path, host } = keyFile(old);
    await expect(run({ default: true }, files(), host)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining("protected by a passphrase"),
    });
    expect(readFileSync(path, "utf8")).toBe(old);
  },
);

test("prints the recipient of an SSH private key, locked or not", async () => {
  const path = join(scratchDir(), "key");
  for (const passphrase of ["", "open sesame"]) {
    const options = [
      "-q",
      "-t",
      "ed25519",
      "-C",
      "",
      "-N",
      passphrase,
      "-f",
      `${path}${passphrase.length}`,
    ];
    execFileSync(counterpart("sshKeygen"), options);
    const file = `${path}${passphrase.length}`;
    const { stdout } = await run({ convert: {} }, files(readFileSync(file, "utf8")));
    expect(stdout.trim()).toBe(readFileSync(`${file}.pub`, "utf8").trim());
  }
});

test("asks for the passphrase of a protected key file to print its recipients", async () => {
  const { armor, Encrypter, generateX25519Identity, identityToRecipient } =
    await import("age-encryption");
  const identity = await generateX25519Identity();
  const encrypter = new Encrypter();
  encrypter.setPassphrase("open sesame");
  encrypter.setScryptWorkFactor(8);
  const file = armor.encode(await encrypter.encrypt(`# mine\n${identity}\n`));
  const env = { SOPS_AGE_KEY_PASSPHRASE: "open sesame" };
  const { stdout } = await run({ convert: {} }, files(file), hostWith(env));
  expect(stdout).toBe(`${await identityToRecipient(identity)}\n`);
});
