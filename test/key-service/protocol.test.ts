import { expect, test } from "vitest";
import { parseServiceUri } from "../../src/key-service/client.ts";
import { describeKey, fromWire, loadMethods, toWire } from "../../src/key-service/protocol.ts";
import { providers } from "../../src/keys/index.ts";
import { alice, fakeHost } from "../keys/fake-host.ts";

/** Text that names a key of each type, and what a user is asked about it. */
const named: Readonly<Record<string, readonly [text: string, description: string]>> = {
  kms: [
    "arn:aws:kms:us-east-1:123456789012:key/k+arn:aws:iam::123456789012:role/r",
    "AWS KMS key with ARN arn:aws:kms:us-east-1:123456789012:key/k",
  ],
  gcp_kms: [
    "projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "GCP KMS key with resource ID projects/p/locations/l/keyRings/r/cryptoKeys/k",
  ],
  hckms: [
    "tr-west-1:11111111-2222-3333-4444-555555555555",
    "HuaweiCloud KMS key with ID tr-west-1:11111111-2222-3333-4444-555555555555",
  ],
  azure_kv: [
    "https://v.vault.azure.net/keys/k/0123456789abcdef0123456789abcdef",
    "Azure Key Vault key with URL https://v.vault.azure.net/keys/k/0123456789abcdef0123456789abcdef",
  ],
  hc_vault: [
    "https://vault.test:8200/v1/transit/keys/k",
    "Hashicorp Vault key with URI https://vault.test:8200/v1/transit/keys/k",
  ],
  pgp: [
    "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4",
    "PGP key with fingerprint FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4",
  ],
  age: [alice.recipient, `age key with recipient ${alice.recipient}`],
};

test("a key of every type survives the way to a service", async () => {
  const host = fakeHost();
  const { Decrypt } = await loadMethods();
  expect(Object.keys(named).toSorted()).toEqual(providers.map(({ type }) => type).toSorted());
  for (const provider of providers) {
    const [text, description] = named[provider.type] ?? ["", ""];
    const [key] = await provider.parse(text, host);
    if (key === undefined) throw new Error(`no key in ${text}`);
    key.enc = "wrapped";
    const bytes = Decrypt.requestSerialize({ key: toWire(key), ciphertext: Buffer.from("c") });
    const { key: message, ciphertext } = Decrypt.requestDeserialize(bytes);
    expect(fromWire(message, "wrapped", host)).toEqual(key);
    expect(ciphertext).toEqual(Buffer.from("c"));
    expect(describeKey(key)).toBe(description);
  }
});

test("the bytes of a request are those of sops", async () => {
  const host = fakeHost();
  const { Encrypt } = await loadMethods();
  const key = fromWire({ age_key: { recipient: alice.recipient } }, undefined, host);
  if (key === undefined) throw new Error("no key");
  const bytes = Encrypt.requestSerialize({ key: toWire(key), plaintext: Buffer.from("hello") });
  const recipient = Buffer.from(alice.recipient).toString("hex");
  expect(bytes.toString("hex")).toBe(`0a4232400a3e${recipient}120568656c6c6f`);
});

test("a message without a key names none", () => {
  expect(fromWire(undefined, undefined, fakeHost())).toBeUndefined();
  expect(fromWire({}, undefined, fakeHost())).toBeUndefined();
});

test.each([
  ["tcp://127.0.0.1:5000", "dns:127.0.0.1:5000"],
  ["tcp6://[::1]:5000", "dns:[::1]:5000"],
  ["tcp://keys.test", "dns:keys.test"],
  ["unix:///run/keys.sock", "unix:/run/keys.sock"],
  ["127.0.0.1:5000", undefined],
  ["localhost:5000", undefined],
  ["unix://run/keys.sock", undefined],
  ["https://keys.test", undefined],
  ["", undefined],
])("%s is the address of a key service, or is not", (uri, target) => {
  expect(parseServiceUri(uri)?.target).toBe(target);
});
