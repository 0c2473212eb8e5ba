import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { armor, Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeBech32, encodeBech32 } from "../../../src/keys/age/bech32.ts";
import { counterpart } from "../../counterparts.ts";
import { Both } from "../both.ts";
import { alice } from "../fake-host.ts";

// A key made for tests, and the recipient that @noble/curves gives for it, with which ssh-to-age agrees.
const privateKey = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACBwIbC0F9+47Ipdpt8MetFwI/KdJMaaDceIAj/vDXa3BQAAAJi4DBrsuAwa
7AAAAAtzc2gtZWQyNTUxOQAAACBwIbC0F9+47Ipdpt8MetFwI/KdJMaaDceIAj/vDXa3BQ
AAAEA5uNE4P3Rq5g1805AapPHbineNYLm+3fB3FuqPay/7TnAhsLQX37jsil2m3wx60XAj
8p0kxpoNx4gCP+8NdrcFAAAADm1hZGUgZm9yIHRlc3RzAQIDBAUGBw==
-----END OPENSSH PRIVATE KEY-----
`;
const publicKey =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHAhsLQX37jsil2m3wx60XAj8p0kxpoNx4gCP+8NdrcF made for tests";
const recipient = "age1f7uu79svaksxw5m39t6pwx2k86j9j3a7esdtwung5cllcl3k59ws9klzhh";

let both: Both;
const passphrase = "open sesame";
const atHome = () => ({ HOME: both.box.path("home") });
const keygen = (...words: string[]) => execFileSync(counterpart("sshKeygen"), ["-q", ...words]);

beforeAll(() => {
  both = new Both();
  mkdirSync(both.box.path("home/.ssh"), { recursive: true });
  writeFileSync(both.box.path("home/.ssh/id_ed25519"), privateKey, { mode: 0o600 });
  writeFileSync(both.box.path("home/.ssh/id_ed25519.pub"), `${publicKey}\n`);
  keygen("-t", "rsa", "-b", "2048", "-N", "", "-f", both.box.path("rsa"));
  copyFileSync(both.box.path("home/.ssh/id_ed25519"), both.box.path("locked"));
  keygen("-p", "-a", "1", "-P", "", "-N", passphrase, "-f", both.box.path("locked"));
});
afterAll(() => both.remove());

test("an Ed25519 SSH key opens what is encrypted to the age recipient derived from it", async () => {
  const file = await both.sealed(["--age", `${alice.recipient},${recipient}`]);
  await both.expectOpens(file, atHome());
  await both.expectOpens(file, {
    SOPS_AGE_SSH_PRIVATE_KEY_FILE: both.box.path("home/.ssh/id_ed25519"),
  });
  await both.expectOpens(file, {
    SOPS_AGE_SSH_PRIVATE_KEY_CMD: `cat ${both.box.path("home/.ssh/id_ed25519")}`,
  });
});

test("the derived key opens an age file with several stanzas", async () => {
  const file = await both.sealed(["--age", recipient]);
  const text = both.box.read(file);
  const [enc = ""] = /-----BEGIN[^]*?-----END AGE ENCRYPTED FILE-----/.exec(text) ?? [];
  const decrypter = new Decrypter();
  decrypter.addIdentity(derivedIdentity());
  const part = await decrypter.decrypt(armor.decode(enc.replaceAll(/\n +/g, "\n")));
  const encrypter = new Encrypter();
  encrypter.addRecipient(alice.recipient);
  encrypter.addRecipient(recipient);
  const indented = armor
    .encode(await encrypter.encrypt(part))
    .trimEnd()
    .replaceAll("\n", "\n            ");
  both.box.write(
    "several.yaml",
    text.replace(/-----BEGIN[^]*?-----END AGE ENCRYPTED FILE-----/, () => indented),
  );
  await both.expectOpens("several.yaml", atHome());
});

/** The derived identity, from the seed in the key's file. */
function derivedIdentity(): string {
  const file = Buffer.from(privateKey.replaceAll(/-----.*-----|\s/g, ""), "base64");
  const point = Buffer.from(publicKey.split(" ")[1] ?? "", "base64").subarray(-32);
  const at = file.lastIndexOf(point);
  const scalar = createHash("sha512")
    .update(file.subarray(at - 32, at))
    .digest()
    .subarray(0, 32);
  return encodeBech32("age-secret-key-", scalar).toUpperCase();
}

test("the derived identity opens what is encrypted to the derived recipient", async () => {
  expect(await identityToRecipient(derivedIdentity())).toBe(recipient);
});

test("a protected SSH key is unlocked for its own derived recipient only", async () => {
  const env = {
    SOPS_AGE_SSH_PRIVATE_KEY_FILE: both.box.path("locked"),
    SOPS_AGE_SSH_PRIVATE_KEY_PASSPHRASE: passphrase,
  };
  await both.expectOpens(await both.sealed(["--age", recipient]), env);
  const wrong = { ...env, SOPS_AGE_SSH_PRIVATE_KEY_PASSPHRASE: "open barley" };
  expect(await both.unwrapError(await both.sealed(["--age", recipient]), wrong)).toContain(
    "incorrect passphrase",
  );
  expect(
    await both.unwrapError(await both.sealed(["--age", alice.recipient]), wrong),
  ).not.toContain("incorrect passphrase");
});

test("keygen --from-ssh prints the derived recipient of private and public keys", async () => {
  const print = async (...words: string[]) => both.sopsmith(["keygen", "--from-ssh", ...words]);
  const right = { code: 0, stdout: `${recipient}\n`, stderr: "" };
  expect(await print("home/.ssh/id_ed25519")).toEqual(right);
  expect(await print("home/.ssh/id_ed25519.pub")).toEqual(right);
  expect(await print("locked")).toEqual(right);
  const rsa = readFileSync(both.box.path("rsa.pub"), "latin1").trim();
  both.box.write("scan", `# host:22 SSH-2.0\nhost ${rsa}\nhost ${publicKey}\n`);
  expect(await print("scan")).toEqual({
    ...right,
    stderr: "line 2 is skipped: it is not an Ed25519 SSH key\n",
  });
  expect(await print("--json", "scan")).toMatchObject({
    stdout: `${JSON.stringify({ recipient })}\n`,
  });
  expect(await print("rsa")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/only Ed25519 keys have an age recipient/) as string,
  });
  expect(await print("rsa.pub")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/it contains no Ed25519 SSH key/) as string,
  });
  expect(await print("plain.yaml")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no Ed25519 SSH key/) as string,
  });
  expect(await print("-y", "rsa")).toMatchObject({ code: 8 });
  expect(await print("rsa", "rsa.pub")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^too many arguments/) as string,
  });
});

test("Bech32 is written as it is read", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
      (bytes, prefix) => {
        expect(decodeBech32(encodeBech32(prefix, bytes))).toEqual({ prefix, bytes });
      },
    ),
  );
});
