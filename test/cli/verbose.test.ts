import { afterAll, beforeAll, expect, test } from "vitest";
import { providers } from "../../src/keys/index.ts";
import { Both } from "../keys/both.ts";
import { alice, bob } from "../keys/fake-host.ts";
import { KeyRing } from "../keys/key-ring.ts";

// What `--verbose` says beside what real sops says.

let both: Both;
let ring: KeyRing;
let keys: string[];

beforeAll(() => {
  ring = new KeyRing();
  both = new Both({ ...ring.env, SOPS_AGE_KEY: alice.identity });
  const { fingerprint } = ring.makeKey("verbose");
  keys = ["--pgp", fingerprint, "--age", `${alice.recipient},${bob.recipient}`];
});
afterAll(() => {
  both.remove();
  ring.remove();
});

/**
 * The lines of level info, sorted, without their time. sops names no recipient when it opens with age, and no file when it
 * has written one.
 */
const notes = (stderr: string): string[] =>
  stderr
    .split("\n")
    .filter((line) => line.includes(" level=info "))
    .map((line) =>
      line
        .replace(/time="[^"]*"/, "time")
        .replace(/(Decryption \w+") recipient=.*/, "$1")
        .replace(/ file=.*/, ""),
    )
    .toSorted();

async function notesOfBoth(args: readonly string[]): Promise<{ ours: string[]; sops: string[] }> {
  const [ours, theirs] = [await both.sopsmith(args), await both.sops(args)];
  expect([ours.code, theirs.code]).toEqual([0, 0]);
  return { ours: notes(ours.stderr), sops: notes(theirs.stderr) };
}

test("names each key that the data key was wrapped for, as sops does", async () => {
  const { ours, sops } = await notesOfBoth(["--verbose", "-e", ...keys, "plain.yaml"]);
  expect(ours).toHaveLength(3);
  expect(ours).toEqual(sops);
});

test("says which key opened the file and which failed before it, as sops does", async () => {
  for (const [flags, count] of [
    [keys, 2],
    [["--age", bob.recipient, ...keys.slice(0, 2)], 3],
  ] as const) {
    const { ours, sops } = await notesOfBoth(["--verbose", "-d", await both.sealed(flags)]);
    expect(ours).toHaveLength(count);
    expect(ours).toEqual(sops);
  }
});

test("names each new wrapping in a rotation, as sops does", async () => {
  const { ours, sops } = await notesOfBoth(["--verbose", "-r", await both.sealed(keys)]);
  expect(ours).toHaveLength(5);
  expect(ours).toEqual(sops);
});

test("uses sops's words for the keys of every type", () => {
  expect(
    Object.fromEntries(providers.map(({ type, logged }) => [type, [logged.topic, logged.field]])),
  ).toEqual({
    age: ["AGE", "recipient"],
    azure_kv: ["AZKV", "key"],
    gcp_kms: ["GCPKMS", "resourceID"],
    hc_vault: ["VAULT_TRANSIT", "Path"],
    hckms: ["HCKMS", "keyID"],
    kms: ["AWSKMS", "arn"],
    pgp: ["PGP", "fingerprint"],
  });
});
