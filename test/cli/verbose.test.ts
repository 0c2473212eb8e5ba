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

async function expectSameNotes(args: readonly string[], count: number): Promise<void> {
  const [ours, theirs] = [await both.sopsmith(args), await both.sops(args)];
  expect([ours.code, theirs.code]).toEqual([0, 0]);
  expect(notes(ours.stderr)).toEqual(notes(theirs.stderr));
  expect(notes(ours.stderr)).toHaveLength(count);
}

test("names each key that the data key was wrapped for, as sops does", () =>
  expectSameNotes(["--verbose", "-e", ...keys, "plain.yaml"], 3));

test("names the keys that failed before one opened the file, as sops does", async () => {
  const file = await both.sealed(keys);
  await expectSameNotes(["--verbose", "-d", file], 2);
  const foreign = await both.sealed(["--age", bob.recipient, ...keys.slice(0, 2)]);
  await expectSameNotes(["--verbose", "-d", foreign], 3);
});

test("names each new wrapping in a rotation, as sops does", async () => {
  await expectSameNotes(["--verbose", "-r", await both.sealed(keys)], 5);
});

test("uses sops's words for the keys of every type", () => {
  const words = providers.map(({ type, logged }) => [type, logged.topic, logged.field]);
  expect(words.toSorted()).toEqual([
    ["age", "AGE", "recipient"],
    ["azure_kv", "AZKV", "key"],
    ["gcp_kms", "GCPKMS", "resourceID"],
    ["hc_vault", "VAULT_TRANSIT", "Path"],
    ["hckms", "HCKMS", "keyID"],
    ["kms", "AWSKMS", "arn"],
    ["pgp", "PGP", "fingerprint"],
  ]);
});
