import { rmSync } from "node:fs";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { Sandbox } from "./sandbox.ts";

/** The files that command tests start from, made once for each test file. */

export const plain = {
  "plain.yaml": "# top\na: 1\nsecret: hello\nl: [1, {k: 1}]\n",
  "plain.json": `{"a": 1, "secret": "hello"}`,
  "plain.env": "A=1\nSECRET=hello\n",
  "plain.ini": "[s]\nsecret = hello\n",
  "plain.bin": Buffer.of(0, 1, 2, 255),
  "bad.yaml": "a: [\n",
  "empty.yaml": "",
  "value.json": `{"x": 5}`,
};

/** What plain.yaml looks like after encryption and decryption. */
export const yamlText = "# top\na: 1\nsecret: hello\nl:\n    - 1\n    - k: 1\n";

const [a, b] = await Promise.all([generateIdentity(), generateIdentity()]);

/** Two age keys. Tests give the program A's identity. */
export const identities = { A: a, B: b };
export const recipients = { A: await identityToRecipient(a), B: await identityToRecipient(b) };

/** Each plain file of a format, encrypted to A. */
export const sealed = await sealAll([
  "plain.yaml",
  "plain.json",
  "plain.env",
  "plain.ini",
  "plain.bin",
]);

async function sealAll(names: readonly string[]): Promise<Record<string, string>> {
  const box = new Sandbox(plain);
  const results = await Promise.all(
    names.map((name) => box.run(["encrypt", "--age", recipients.A, name])),
  );
  rmSync(box.dir, { recursive: true });
  return Object.fromEntries(
    names.map((name, i) => [name.replace("plain", "sealed"), results[i]?.stdout ?? ""]),
  );
}
