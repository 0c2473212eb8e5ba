import { createECDH } from "node:crypto";
import { armor, Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { age } from "../../../src/keys/age/age.ts";
import { encodeBech32 } from "../../../src/keys/age/bech32.ts";
import { UnwrapError, type MasterKey } from "../../../src/keys/provider.ts";
import { entry, map, str } from "../../../src/tree/node.ts";
import { alice, bob, fakeHost } from "../fake-host.ts";

const key = (recipient: string, enc?: string): MasterKey => ({
  type: "age",
  id: recipient,
  fields: map([entry("recipient", str(recipient))]),
  enc,
});
const parse = async (text: string) => (await age.parse(text, fakeHost())).map(({ id }) => id);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unwrapFailure = async (masterKey: MasterKey, host = fakeHost()): Promise<UnwrapError> => {
  const error: unknown = await age.unwrap(masterKey, host).catch((thrown: unknown) => thrown);
  if (error instanceof UnwrapError) return error;
  throw new Error("expected an UnwrapError", { cause: error });
};

test("opens a data key that sops wrapped", async () => {
  const host = fakeHost({ env: { SOPS_AGE_KEY: alice.identity } });
  expect(hex(await age.unwrap(key(alice.recipient, alice.enc), host))).toBe(alice.dataKey);
});

test("wraps to armored text with a final newline, for X25519 and post-quantum recipients", async () => {
  const hybrid = await generateHybridIdentity();
  for (const [identity, recipient] of [
    [bob.identity, bob.recipient],
    [hybrid, await identityToRecipient(hybrid)],
  ] as const) {
    const part = new Uint8Array(33).fill(9);
    const [parsed] = await age.parse(recipient, fakeHost());
    const masterKey = parsed ?? key("");
    const enc = await age.wrap(masterKey, part, fakeHost());
    expect(enc).toMatch(
      /^-----BEGIN AGE ENCRYPTED FILE-----\n[^]*\n-----END AGE ENCRYPTED FILE-----\n$/,
    );
    masterKey.enc = enc;
    const host = fakeHost({ env: { SOPS_AGE_KEY: `${alice.identity} ${identity}` } });
    expect(await age.unwrap(masterKey, host)).toEqual(part);
  }
});

test("splits recipients at commas, trims them, and keeps one that is named twice", async () => {
  expect(await parse("")).toEqual([]);
  expect(await parse(` ${alice.recipient} ,${bob.recipient},${bob.recipient}`)).toEqual([
    alice.recipient,
    bob.recipient,
    bob.recipient,
  ]);
});

test("accepts SSH keys with their comments, and plugin recipients, as they are", async () => {
  const ssh =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJGbCO5dWfqfmFZ5EDT/hmrgmzGDG4TCd5m8DzcYaHFc me@host, no more";
  const plugin = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
  const [key, comment = ""] = ssh.split(",");
  expect(await parse(`${key},${plugin}`)).toEqual([key, plugin]);
  await expect(parse(`${key},${comment}`)).rejects.toThrow(/unknown recipient type/);
});

test("wraps for the tagged recipients of hardware keys without a plugin", async () => {
  // Zeros are a key of ML-KEM too.
  const hybrid = encodeBech32(
    "age1tagpq",
    Buffer.concat([Buffer.alloc(1184), createECDH("prime256v1").generateKeys()]),
  );
  for (const [recipient, stanza] of [
    ["age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e", "p256tag"],
    [hybrid, "mlkem768p256tag"],
  ] as const) {
    const [key] = await age.parse(recipient, fakeHost());
    if (key === undefined) throw new Error("no key");
    const enc = await age.wrap(key, new Uint8Array(32), fakeHost());
    expect(Buffer.from(armor.decode(enc)).toString("latin1")).toMatch(
      new RegExp(`^age-encryption\\.org/v1\n-> ${stanza} `),
    );
  }
});

test("a tagged recipient that is not a point on the curve is refused", async () => {
  const [key] = await age.parse(encodeBech32("age1tag", new Uint8Array(33).fill(5)), fakeHost());
  if (key === undefined) throw new Error("no key");
  await expect(age.wrap(key, new Uint8Array(32), fakeHost())).rejects.toThrow(
    /malformed recipient "age1tag1.*": it is not a public key/,
  );
  expect(await parse(encodeBech32("age1tag", new Uint8Array(32))).catch(String)).toMatch(
    /wrong length or type/,
  );
});

test.each([
  ["a trailing comma", `${bob.recipient},`, 'failed to parse input, unknown recipient type: ""'],
  ["a name", "alice", "failed to parse input, unknown recipient type"],
  ["a short recipient", "age1bad", 'malformed recipient "age1bad": '],
  [
    "what stands behind a recipient is not shown",
    "age1bad AGE-SECRET-KEY-1SECRET",
    'malformed recipient "age1bad…": ',
  ],
  [
    "a wrong letter",
    `${bob.recipient.slice(0, -1)}q`,
    "failed to parse input as Bech32-encoded age public key: ",
  ],
  [
    "mixed case",
    bob.recipient.replace("hfs", "HFS"),
    "failed to parse input as Bech32-encoded age public key: ",
  ],
  [
    "a short post-quantum key",
    "age1pq1qqqq",
    "failed to parse input as Bech32-encoded age public key: ",
  ],
  [
    "a broken plugin key",
    "age1yubikey1qqqqqqqq",
    "failed to parse input as age key from age plugin: ",
  ],
  [
    "a plugin of no name",
    "age11wpkxz6tw3qfq58",
    'failed to parse input as age key from age plugin: malformed recipient "age11wpkxz6tw3qfq58": invalid plugin name',
  ],
  ["another SSH key", "ssh-dss AAAA", "failed to parse input as age-ssh public key: "],
  [
    "an SSH key that was cut off",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPWD1ieB",
    "failed to parse input as age-ssh public key: it is damaged or cut off",
  ],
  [
    "an SSH key with a byte that is no point",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBvNZGXMVDcZDkgOSGYYKaWWDJBSpf0Bmra8EJAwUwCJ",
    "failed to parse input as age-ssh public key: it is not a point on the curve",
  ],
])("refuses %s as recipient", async (_, text, message) => {
  const error: unknown = await parse(text).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ exitCode: 1, message: expect.stringContaining(message) });
});

test("never shows a private key that was given as a recipient", async () => {
  const error: unknown = await parse(bob.identity).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    message: expect.stringContaining("it is an identity, which is private"),
  });
  expect(String(error)).not.toContain(bob.identity);
});

test("lists where it looked when there is no identity", async () => {
  const error = await unwrapFailure(key(alice.recipient, alice.enc));
  expect(error.message).toBe(
    "failed to load age identities. Did not find keys in locations 'SOPS_AGE_SSH_PRIVATE_KEY_FILE', 'SOPS_AGE_SSH_PRIVATE_KEY_CMD', '/home/u/.ssh/id_ed25519', '/home/u/.ssh/id_rsa', 'SOPS_AGE_KEY', 'SOPS_AGE_KEY_FILE', 'SOPS_AGE_KEY_CMD', and '/home/u/.config/sops/age/keys.txt'.",
  );
  expect(error.failure).toBe("missing");
  expect(error.sources).toEqual([
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE: not set",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD: not set",
    "/home/u/.ssh/id_ed25519: no such file",
    "/home/u/.ssh/id_rsa: no such file",
    "SOPS_AGE_KEY: not set",
    "SOPS_AGE_KEY_FILE: not set",
    "SOPS_AGE_KEY_CMD: not set",
    "/home/u/.config/sops/age/keys.txt: no such file",
  ]);
});

test("distinguishes one identity that does not match from several", async () => {
  const one = await unwrapFailure(
    key(alice.recipient, alice.enc),
    fakeHost({ env: { SOPS_AGE_KEY: bob.identity } }),
  );
  expect(one.message).toBe(
    "failed to create reader for decrypting sops data key with age: identity did not match any of the recipients: incorrect identity for recipient block. Did not find keys in locations 'SOPS_AGE_SSH_PRIVATE_KEY_FILE', 'SOPS_AGE_SSH_PRIVATE_KEY_CMD', '/home/u/.ssh/id_ed25519', '/home/u/.ssh/id_rsa', 'SOPS_AGE_KEY_FILE', and 'SOPS_AGE_KEY_CMD'.",
  );
  const two = await unwrapFailure(
    key(alice.recipient, alice.enc),
    fakeHost({ env: { SOPS_AGE_KEY: `${bob.identity} ${bob.identity}`, SOPS_AGE_KEY_CMD: "" } }),
  );
  expect(two.message).toBe(
    "failed to create reader for decrypting sops data key with age: no identity matched any of the recipients. Errors while loading age identities: failed to execute command of SOPS_AGE_KEY_CMD: it names no program. Did not find keys in locations 'SOPS_AGE_SSH_PRIVATE_KEY_FILE', 'SOPS_AGE_SSH_PRIVATE_KEY_CMD', '/home/u/.ssh/id_ed25519', '/home/u/.ssh/id_rsa', and 'SOPS_AGE_KEY_FILE'.",
  );
  expect(two.failure).toBe("source");
});

test("says that the identity matches when only the wrapped key is damaged", async () => {
  const raw = Buffer.from(armor.decode(alice.enc));
  const host = fakeHost({ env: { SOPS_AGE_KEY: alice.identity } });
  const flip = (at: number) => {
    const copy = Buffer.from(raw);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return key(alice.recipient, armor.encode(copy));
  };
  const payload = await unwrapFailure(flip(raw.length - 1), host);
  expect(payload.failure).toBe("damaged");
  expect(payload.message).toContain(
    "the identity in SOPS_AGE_KEY matches, but the wrapped data key is damaged",
  );
  expect((await unwrapFailure(flip(raw.indexOf("--- ") + 6), host)).message).toContain(
    "SOPS_AGE_KEY matches",
  );
  expect((await unwrapFailure(flip(2), host)).message).toContain(
    "the age header of its `enc` is damaged",
  );
  expect((await unwrapFailure(key(alice.recipient, "x"), host)).message).toContain(
    "not an armored age file",
  );
});

const protectedFile = async (text: string): Promise<string> => {
  const encrypter = new Encrypter();
  encrypter.setPassphrase("correct horse");
  encrypter.setScryptWorkFactor(10);
  return armor.encode(await encrypter.encrypt(text));
};

test("asks for the passphrase of an encrypted identity file when nothing else opens the key", async () => {
  const files = { "/k": await protectedFile(`# mine\n${alice.identity}\n`) };
  const env = { SOPS_AGE_KEY_FILE: "/k", SOPS_AGE_KEY: bob.identity };
  const host = fakeHost({ env, files, passphrase: "correct horse" });
  expect(hex(await age.unwrap(key(alice.recipient, alice.enc), host))).toBe(alice.dataKey);
  expect(host.log).toContain("ask Enter passphrase for identity 'SOPS_AGE_KEY_FILE': ");

  const quiet = fakeHost({ env: { ...env, SOPS_AGE_KEY: alice.identity }, files });
  await age.unwrap(key(alice.recipient, alice.enc), quiet);
  expect(quiet.log.filter((line) => line.startsWith("ask"))).toEqual([]);
});

test("says why an encrypted identity file could not be used", async () => {
  const env = { SOPS_AGE_KEY_FILE: "/k" };
  const masterKey = key(alice.recipient, alice.enc);
  const files = { "/k": await protectedFile(bob.identity) };
  expect((await unwrapFailure(masterKey, fakeHost({ env, files }))).message).toContain(
    "could not read passphrase for identity 'SOPS_AGE_KEY_FILE': standard input is not a terminal",
  );
  const wrong = await unwrapFailure(masterKey, fakeHost({ env, files, passphrase: "wrong" }));
  expect(wrong.message).toContain("incorrect passphrase");
  const other = fakeHost({ env, files, passphrase: "correct horse" });
  expect((await unwrapFailure(masterKey, other)).message).toContain(
    "did not match any of the recipients",
  );
  expect(other.log).toContain(
    "warn encrypted identity 'SOPS_AGE_KEY_FILE' didn't match file's recipients",
  );
});

test("a plugin identity does no harm when another one matches, and is named when none does", async () => {
  const plugin = "AGE-PLUGIN-TEST-1QYPQX0F9SR2";
  const masterKey = key(alice.recipient, alice.enc);
  const both = fakeHost({ env: { SOPS_AGE_KEY: `${plugin} ${alice.identity}` } });
  expect(hex(await age.unwrap(masterKey, both))).toBe(alice.dataKey);
  expect(both.log.filter((line) => line.startsWith("spawn"))).toEqual([]);
  const alone = fakeHost({ env: { SOPS_AGE_KEY: plugin } });
  const error = await unwrapFailure(masterKey, alone);
  expect(error.message).toContain('test plugin: couldn\'t start plugin: "test" plugin not found');
  expect(error.remedy).toBe("install age-plugin-test, and make sure that its directory is in PATH");
});

test("reads a source, runs a command for a recipient and asks for a passphrase once for a host", async () => {
  const files = { "/k": await protectedFile(alice.identity) };
  const env = { SOPS_AGE_KEY_FILE: "/k", SOPS_AGE_KEY_CMD: "none" };
  const masterKey = key(alice.recipient, alice.enc);
  const host = fakeHost({
    env,
    files,
    passphrase: "correct horse",
    run: () => ({ stdout: Buffer.from(""), status: 0, signal: undefined }),
  });
  const parts = await Promise.all([age.unwrap(masterKey, host), age.unwrap(masterKey, host)]);
  parts.push(await age.unwrap(masterKey, host));
  expect(parts.map(hex)).toEqual([alice.dataKey, alice.dataKey, alice.dataKey]);
  for (const line of [
    "read /k",
    'run ["none"]',
    "ask Enter passphrase for identity 'SOPS_AGE_KEY_FILE': ",
  ])
    expect(host.log.filter((one) => one === line)).toHaveLength(1);
  // Another host knows nothing of it.
  expect((await unwrapFailure(masterKey, fakeHost({ env, files }))).failure).toBe("source");
});
