import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findAgeIdentities } from "../../../src/keys/age/identities.ts";
import { parseSshPrivateKey, WrongPassphrase } from "../../../src/keys/age/ssh-private-key.ts";
import { parseSshPublicKey, recipientOf, SshKeyError } from "../../../src/keys/age/ssh.ts";
import { counterpart } from "../../counterparts.ts";
import { scratchDir } from "../../io/script.ts";
import { fakeHost } from "../fake-host.ts";

function makeKey(...options: string[]): { content: Buffer; line: string } {
  const path = join(scratchDir(), "key");
  execFileSync(counterpart("sshKeygen"), ["-q", "-C", "", "-f", path, ...options]);
  return { content: readFileSync(path), line: readFileSync(`${path}.pub`, "latin1").trim() };
}

const ed25519 = ["-t", "ed25519"];
const rsa = ["-t", "rsa", "-b", "2048"];

test.each([
  ["OpenSSH, Ed25519", ed25519],
  ["OpenSSH, RSA", rsa],
  ["PKCS#1, RSA", [...rsa, "-m", "PEM"]],
  ["PKCS#8, RSA", [...rsa, "-m", "PKCS8"]],
])("reads a private key without a passphrase (%s)", (_, options) => {
  const { content, line } = makeKey(...options, "-N", "");
  const key = parseSshPrivateKey(content);
  expect(key.isProtected).toBe(false);
  expect(key.publicKey && recipientOf(key.publicKey)).toBe(line);
});

test.each([
  ["OpenSSH, Ed25519", ed25519],
  ["OpenSSH, RSA", rsa],
  ["AES-256-CBC", [...ed25519, "-Z", "aes256-cbc"]],
  ["AES-128-CTR", [...ed25519, "-Z", "aes128-ctr"]],
  ["AES-256-GCM", [...ed25519, "-Z", "aes256-gcm@openssh.com"]],
  ["PEM", [...rsa, "-m", "PEM"]],
  ["PKCS#8", [...rsa, "-m", "PKCS8"]],
])("unlocks a private key with its passphrase only (%s)", async (name, options) => {
  const rounds = name.startsWith("P") ? [] : ["-a", "1"];
  const { content, line } = makeKey(...options, ...rounds, "-N", "open sesame");
  const key = parseSshPrivateKey(content);
  if (!key.isProtected) throw new Error("it is not protected");
  await expect(key.unlock("open barley")).rejects.toThrow(WrongPassphrase);
  await expect(key.unlock("")).rejects.toThrow(WrongPassphrase);
  const opened = await key.unlock("open sesame");
  expect(opened.asymmetricKeyType).toBe(line.startsWith("ssh-rsa") ? "rsa" : "ed25519");
});

test.each([
  ["nothing", "", "it is not an SSH private key"],
  ["another type of key", makeEcdsa, "only ssh-ed25519 and ssh-rsa keys can be used"],
  ["a cipher that cannot be used", makeChaCha, "ssh-keygen -p -Z aes256-ctr"],
  ["a key that was cut off", cutOff, "it is damaged or cut off"],
  [
    "damaged PEM",
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "it is damaged",
  ],
])("refuses %s", async (_, make, message) => {
  const content = typeof make === "string" ? Buffer.from(make) : make();
  const attempt = async () => {
    const key = parseSshPrivateKey(content);
    if (key.isProtected) await key.unlock("open sesame");
  };
  const error: unknown = await attempt().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SshKeyError);
  expect(String(error)).toContain(message);
});

function makeEcdsa(): Buffer {
  return makeKey("-t", "ecdsa", "-N", "").content;
}

function makeChaCha(): Buffer {
  return makeKey(...ed25519, "-Z", "chacha20-poly1305@openssh.com", "-a", "1", "-N", "open sesame")
    .content;
}

function cutOff(): Buffer {
  const [head, first] = makeKey(...ed25519, "-N", "")
    .content.toString()
    .split("\n");
  return Buffer.from(`${head}\n${first}\n-----END OPENSSH PRIVATE KEY-----\n`);
}

test("refuses RSA recipients of fewer than 2048 bits, and lines with options", () => {
  const { line } = makeKey("-t", "rsa", "-b", "1024", "-N", "");
  expect(() => parseSshPublicKey(line)).toThrow("at least 2048 bits, but this one has 1024");
  expect(() => parseSshPublicKey(`ssh-ed25519 ${line.split(" ")[1]}`)).toThrow(
    "holds a ssh-rsa key",
  );
});

const sourcesWith = async (env: Record<string, string>, files: Record<string, string | Buffer>) =>
  findAgeIdentities("age1r", fakeHost({ env, files }));

test("says what is wrong with an SSH key source, and continues", async () => {
  const locked = makeKey(...rsa, "-m", "PEM", "-N", "open sesame");
  const files = { "/k": locked.content, "/bad": "x" };
  const source = "SOPS_AGE_SSH_PRIVATE_KEY_FILE";
  const errorsOf = async (path: string, more: Record<string, string> = {}) =>
    (await sourcesWith({ [source]: path }, { ...files, ...more })).errors;
  expect(await errorsOf("/none")).toEqual([
    "failed to open file: open /none: no such file or directory",
  ]);
  expect(await errorsOf("/bad")).toEqual([
    'malformed SSH identity in "/bad": it is not an SSH private key',
  ]);
  expect(await errorsOf("/k")).toEqual([
    'failed to obtain public "/k.pub" key for "/k" SSH key: open /k.pub: no such file or directory',
  ]);
  expect(await errorsOf("/k", { "/k.pub": "ssh-dss AAAA" })).toHaveLength(1);
  expect(await errorsOf("/k", { "/k.pub": `${locked.line}\n` })).toEqual([]);
  expect((await errorsOf("-----BEGIN OPENSSH PRIVATE KEY-----"))[0]).toBe(
    `failed to open ${source} file: it holds a key instead of a path`,
  );
});

test("refuses a locked SSH key from a command", async () => {
  const { content } = makeKey(...ed25519, "-a", "1", "-N", "open sesame");
  const env = { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "show" };
  const run = () => ({ stdout: content, status: 0, signal: undefined });
  expect((await findAgeIdentities("age1r", fakeHost({ env, run }))).errors).toEqual([
    "the SSH key returned by running SOPS_AGE_SSH_PRIVATE_KEY_CMD is password protected, which is unsupported",
  ]);
});
