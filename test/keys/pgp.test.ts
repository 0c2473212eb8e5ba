import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, expect, onTestFinished, test } from "vitest";
import type { Host } from "../../src/io/host.ts";
import { realHost } from "../../src/io/real-host.ts";
import { pgp } from "../../src/keys/pgp/pgp.ts";
import type { MasterKey } from "../../src/keys/provider.ts";
import { Sandbox, type Result } from "../cli/sandbox.ts";
import { counterpart } from "../counterparts.ts";
import { scratchDir } from "../io/script.ts";
import { fakeHost } from "./fake-host.ts";
import { KeyRing } from "./key-ring.ts";

const ring = new KeyRing();
afterAll(() => ring.remove());
const anna = ring.makeKey("anna");
const old = ring.makeKey("old", { expired: true });
const { PATH = "" } = process.env;
const hostWith = (env: Readonly<Record<string, string>>): Host => ({
  ...realHost(),
  env: { PATH, ...env },
  // Tests run in a terminal and without one.
  terminalName: () => Promise.resolve(undefined),
});
const host = hostWith(ring.env);
const part = Uint8Array.from({ length: 33 }, (_, i) => i);

async function keyOf(fp: string): Promise<MasterKey> {
  const [key] = await pgp.parse(fp, fakeHost());
  if (key === undefined) throw new Error("no key");
  return key;
}

async function wrapped(fp: string): Promise<MasterKey> {
  const key = await keyOf(fp);
  return { ...key, enc: await pgp.wrap(key, part, host) };
}

/** A key whose private half asks for a passphrase, in a key ring of its own. */
async function lockedKey(): Promise<{ locked: KeyRing; key: MasterKey }> {
  const locked = new KeyRing();
  onTestFinished(() => locked.remove());
  const { fingerprint } = locked.makeKey("locked", { passphrase: "open sesame" });
  const key = await keyOf(fingerprint);
  return { locked, key: { ...key, enc: await pgp.wrap(key, part, hostWith(locked.env)) } };
}

test("calls gpg as sops does, with the data on stdin", async () => {
  const data: string[] = [];
  const fake = fakeHost({
    env: { SOPS_GPG_EXEC: "my gpg" },
    run: (_, env, stdin) => {
      data.push(`${env["SOPS_GPG_EXEC"]} ${Buffer.from(stdin ?? "").toString()}`);
      return { stdout: Buffer.from("\n text \n\n"), status: 0, signal: undefined };
    },
  });
  const [pinned] = await pgp.parse("0058 EE335E195AE54F2B4523AD33A0AD775F1F0A!", fake);
  const [short] = await pgp.parse("abc", fake);
  if (pinned === undefined || short === undefined) throw new Error("no key");
  expect(await pgp.wrap(pinned, Buffer.from("part"), fake)).toBe("text");
  expect(await pgp.wrap(short, Buffer.from("part"), fake)).toBe("text");
  expect(Buffer.from(await pgp.unwrap({ ...pinned, enc: "wrapped" }, fake)).toString()).toBe(
    "\n text \n\n",
  );
  expect(fake.log).toEqual([
    `run ["my gpg","--no-default-recipient","--yes","--encrypt","-a","-r","0058EE335E195AE54F2B4523AD33A0AD775F1F0A!","--trusted-key","AD33A0AD775F1F0A!","--no-encrypt-to"]`,
    `run ["my gpg","--no-default-recipient","--yes","--encrypt","-a","-r","abc","--trusted-key","abc","--no-encrypt-to"]`,
    `run ["my gpg","-d"]`,
  ]);
  expect(data).toEqual(["my gpg part", "my gpg part", "my gpg wrapped"]);
});

test.each([
  ["a fingerprint", anna.fingerprint],
  ["a fingerprint in lower case", anna.fingerprint.toLowerCase()],
  ["a long key id", anna.fingerprint.slice(-16)],
  ["a pinned subkey", `${anna.subkey}!`],
])("wraps for %s and unwraps", async (_, fp) => {
  const key = await wrapped(fp);
  expect(key.id).toBe(fp);
  expect(key.enc).toMatch(/^-----BEGIN PGP MESSAGE-----\n[^]*\n-----END PGP MESSAGE-----$/);
  expect([...(await pgp.unwrap(key, host))]).toEqual([...part]);
});

test.each<[string, string, RegExp]>([
  [
    "no public key",
    "0".repeat(40),
    /^failed to encrypt sops data key with pgp: gpg has no public key with this fingerprint; import it/,
  ],
  [
    "an expired key",
    old.fingerprint,
    /: gpg cannot encrypt to this key: it is expired, .*; check it with gpg --list-keys/,
  ],
  [
    "an address",
    "anna@example.org",
    /: "anna@example\.org" is not a fingerprint; use all 40 digits/,
  ],
  ["a short key id", anna.fingerprint.slice(-8), /: "[0-9A-F]{8}" is not a fingerprint; /],
])("says in one line why it cannot wrap: %s", async (_, fp, message) => {
  await expect(pgp.wrap(await keyOf(fp), part, host)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(message),
  });
});

test("a key without its private half", async () => {
  const other = new KeyRing();
  onTestFinished(() => other.remove());
  await expect(
    pgp.unwrap(await wrapped(anna.fingerprint), hostWith(other.env)),
  ).rejects.toMatchObject({
    failure: "missing",
    message: `failed to decrypt sops data key with pgp: gpg has no private key for this fingerprint; import the private key of ${anna.fingerprint} with gpg --import FILE, or set GNUPGHOME to the key rings that hold it`,
  });
});

test.each([
  ["", "gpg was not found; install GnuPG, or name its program with SOPS_GPG_EXEC"],
  [
    "/no/gpg",
    "/no/gpg, which SOPS_GPG_EXEC names, was not found; set SOPS_GPG_EXEC to the path of gpg, without arguments",
  ],
  [
    "/etc/passwd",
    "/etc/passwd, which SOPS_GPG_EXEC names, could not be started: permission denied; set SOPS_GPG_EXEC to the path of gpg, without arguments",
  ],
])("no gpg, SOPS_GPG_EXEC=%s", async (program, reason) => {
  const without = hostWith({ PATH: "/no/such/folder", SOPS_GPG_EXEC: program });
  const key = { ...(await keyOf(anna.fingerprint)), enc: "x" };
  await expect(pgp.wrap(key, part, without)).rejects.toMatchObject({
    exitCode: 1,
    message: `failed to encrypt sops data key with pgp: ${reason}`,
  });
  await expect(pgp.unwrap(key, without)).rejects.toMatchObject({
    failure: "unusable",
    message: `failed to decrypt sops data key with pgp: ${reason}`,
  });
});

test("the agent asks for the passphrase, and a wrong one is reported", async () => {
  const { locked, key } = await lockedKey();
  const open = hostWith(locked.env);
  locked.usePinentry("D wrong\\nOK");
  await expect(pgp.unwrap(key, open)).rejects.toMatchObject({
    failure: "source",
    message: "failed to decrypt sops data key with pgp: wrong passphrase; try again",
  });
  locked.usePinentry("ERR 83886179 Operation cancelled");
  await expect(pgp.unwrap(key, open)).rejects.toMatchObject({
    message: expect.stringContaining(": nobody answered when gpg-agent asked for the passphrase; "),
  });
  locked.usePinentry("D open sesame\\nOK");
  expect([...(await pgp.unwrap(key, open))]).toEqual([...part]);
});

test("a locked agent that cannot ask", async () => {
  const { locked, key } = await lockedKey();
  locked.useNoPinentry();
  await expect(pgp.unwrap(key, hostWith(locked.env))).rejects.toMatchObject({
    failure: "source",
    message:
      "failed to decrypt sops data key with pgp: the key is locked, and gpg-agent finds no pinentry program to ask for the passphrase; install pinentry, or name it as pinentry-program in gpg-agent.conf",
  });
  locked.usePinentry("ERR 83918950 Inappropriate ioctl for device");
  await expect(pgp.unwrap(key, hostWith(locked.env))).rejects.toMatchObject({
    message: expect.stringMatching(
      /: the key is locked, and gpg-agent has no terminal .*; set GPG_TTY=\$\(tty\)/,
    ),
  });
});

test("tells the agent's program the terminal, unless GPG_TTY does", async () => {
  const { locked, key } = await lockedKey();
  locked.usePinentry("D open sesame\\nOK");
  const onTerminal = {
    ...hostWith(locked.env),
    terminalName: () => Promise.resolve("/dev/pts/999"),
  };
  await pgp.unwrap(key, onTerminal);
  expect(locked.asked()).toContain("OPTION ttyname=/dev/pts/999\n");
  locked.stopAgent();
  await pgp.unwrap(key, { ...onTerminal, env: { ...onTerminal.env, GPG_TTY: "/dev/pts/998" } });
  expect(locked.asked()).toContain("OPTION ttyname=/dev/pts/998\n");
});

/** The message with one bit changed in its last byte but the checksum right, so that only decryption notices. */
function flipped(enc: string): string {
  const armored = enc.split("\n").filter((line) => /^[A-Za-z0-9+/]+=*$/.test(line));
  const message = Buffer.from(armored.join(""), "base64");
  message[message.length - 1] = (message.at(-1) ?? 0) ^ 1;
  return `-----BEGIN PGP MESSAGE-----\n\n${message.toString("base64")}\n-----END PGP MESSAGE-----`;
}

test("a damaged wrapped part, and one that is empty", async () => {
  const key = await wrapped(anna.fingerprint);
  const enc = key.enc ?? "";
  for (const damaged of [
    "",
    "nonsense",
    enc.replace(/\n\n.{8}/, "\n\nAAAAAAAA"),
    enc.slice(0, 200),
    flipped(enc),
  ])
    await expect(pgp.unwrap({ ...key, enc: damaged }, host)).rejects.toMatchObject({
      failure: "damaged",
      message:
        "failed to decrypt sops data key with pgp: the wrapped data key is damaged; restore the `sops` block from version control",
    });
});

test("a program that prints nothing is not gpg", async () => {
  const key = { ...(await keyOf(anna.fingerprint)), enc: "x" };
  const silent = hostWith({ ...ring.env, SOPS_GPG_EXEC: "true" });
  await expect(pgp.unwrap(key, silent)).rejects.toThrow(
    /^failed to decrypt sops data key with pgp: zero bytes returned;/,
  );
  await expect(pgp.wrap(key, part, silent)).rejects.toThrow(
    /^failed to encrypt sops data key with pgp: exit status 0;/,
  );
});

test("an unusable home directory", async () => {
  const away = hostWith({ GNUPGHOME: "/no/such/folder" });
  await expect(pgp.unwrap(await wrapped(anna.fingerprint), away)).rejects.toThrow(
    /^failed to decrypt sops data key with pgp: gpg cannot use its home directory: keyblock resource .*; check GNUPGHOME/,
  );
});

// ---- real sops ---------------------------------------------------------------

async function realSops(box: Sandbox, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(counterpart("sops"), args, {
    cwd: box.dir,
    env: { ...box.env, ...ring.env },
  });
  return stdout;
}

async function sopsmith(box: Sandbox, args: readonly string[]): Promise<Result> {
  const result = await box.run(args, { env: ring.env });
  expect(result).toMatchObject({ code: 0, stderr: "" });
  return result;
}

test.each([
  ["p.yaml", "a: 1\nb: x\n", anna.fingerprint],
  ["p.json", `{\n\t"a": 1\n}\n`, `${anna.subkey}!`],
  ["p.bin", "any\0thing", anna.fingerprint.slice(-16)],
])("%s: real sops and sopsmith open each other's files", async (name, plain, fp) => {
  const box = new Sandbox({ [name]: plain });
  onTestFinished(() => box.remove());
  const args = ["--pgp", fp, name];
  const theirs = await realSops(box, ["encrypt", ...args]);
  const ours = (await sopsmith(box, ["encrypt", ...args])).stdout;
  box.write(`theirs-${name}`, theirs);
  box.write(`ours-${name}`, ours);
  expect((await sopsmith(box, ["decrypt", `theirs-${name}`])).stdout).toBe(plain.replace("  ", ""));
  expect(await realSops(box, ["decrypt", `ours-${name}`])).toBe(plain);
  await sopsmith(box, ["rotate", "-i", `theirs-${name}`]);
  expect(await realSops(box, ["decrypt", `theirs-${name}`])).toBe(plain);
});

test("the report of a file that cannot be opened says what to do, once", async () => {
  const box = new Sandbox({ "p.yaml": "a: 1\n" });
  onTestFinished(() => box.remove());
  const { stdout } = await sopsmith(box, ["encrypt", "--pgp", anna.fingerprint, "p.yaml"]);
  box.write("e.yaml", stdout);
  const empty = scratchDir();
  const result = await box.run(["decrypt", "e.yaml"], { env: { GNUPGHOME: empty } });
  expect(result).toMatchObject({ code: 128, stdout: "" });
  expect(result.stderr).toContain(
    `\n\ne.yaml: import the private key of ${anna.fingerprint} with gpg --import FILE, or set GNUPGHOME to the key rings that hold it: ${anna.fingerprint}\n`,
  );
  expect(existsSync(box.path("pubring.kbx"))).toBe(false);
});

test("the report names the PGP keys that the user has", async () => {
  const box = new Sandbox({ "p.yaml": "a: 1\n" });
  const other = new KeyRing();
  onTestFinished(() => box.remove());
  onTestFinished(() => other.remove());
  const eve = other.makeKey("eve");
  const { stdout } = await sopsmith(box, ["encrypt", "--pgp", anna.fingerprint, "p.yaml"]);
  box.write("e.yaml", stdout);
  const { code, stderr } = await box.run(["decrypt", "e.yaml"], { env: other.env });
  expect(code).toBe(128);
  expect(stderr).toContain(`\nYou have ${eve.fingerprint}.\n`);
  expect(stderr).toContain(`\nOr ask one of ${anna.fingerprint} to run`);
  expect(stderr).not.toContain("eve");
});
