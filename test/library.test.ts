import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as api from "../src/index.ts";
import type { PlainObject } from "../src/tree/plain.ts";
import { alice, bob } from "./keys/fake-host.ts";
import { aliceHost, refusal } from "./verbs.ts";

const recipients = { age: alice.recipient };
const host = aliceHost;
// Nothing of the surroundings: only what the options name.
const env = { HOME: "/nonexistent" };
const sealed = (text: string, options: Partial<api.EncryptOptions> = {}) =>
  api.encrypt(text, { recipients, host, ...options });
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "library-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("encrypts text or bytes, and decrypts with identities given as text", async () => {
  for (const source of ["a: 1\n", Buffer.from("a: 1\n")]) {
    const file = await api.encrypt(source, { recipients, host: { env } });
    expect(textOf(file)).toContain("type:int]");
    expect(textOf(await api.decrypt(file, { identities: alice.identity, host: { env } }))).toBe(
      "a: 1\n",
    );
    expect(
      textOf(
        await api.decrypt(textOf(file), {
          identities: [bob.identity, alice.identity],
          host: { env },
        }),
      ),
    ).toBe("a: 1\n");
  }
});

test("errors carry code, exit code and hint", async () => {
  const file = await sealed("a: 1\n");
  const error = await refusal(api.decrypt(file, { identities: bob.identity, host: { env } }));
  expect(error).toBeInstanceOf(api.SopsmithError);
  expect(error.exitCode).toBe(128);
  expect(error.code).toMatch(/^[a-z-]+$/);
  const tampered = textOf(file).replace(/^a: .*$/m, 'a: ""');
  const mac = await refusal(api.decrypt(tampered, { host }));
  expect(mac.exitCode).toBe(51);
  expect(mac.code).toBe("mac-mismatch");
  expect(mac.hint).toBeTypeOf("string");
  expect((await refusal(sealed("a: ["))).exitCode).toBe(2);
});

test("the format and the result's format can be chosen", async () => {
  const file = await sealed('{"a": 1.5}', { format: "json" });
  expect(textOf(await api.decrypt(file, { format: "json", outputFormat: "yaml", host }))).toBe(
    "a: 1.5\n",
  );
  expect(textOf(await api.decrypt(file, { format: "json", indent: 2, host }))).toBe(
    '{\n  "a": 1.5\n}\n',
  );
});

test("one value can be extracted by text or by steps", async () => {
  const file = await sealed("a:\n  - b: x\n");
  expect(textOf(await api.decrypt(file, { extract: '["a"][0]["b"]', host }))).toBe("x");
  expect(textOf(await api.decrypt(file, { extract: ["a", 0, "b"], host }))).toBe("x");
  expect((await refusal(api.decrypt(file, { extract: "a", host }))).exitCode).toBe(91);
});

test("selection is chosen by options", async () => {
  const file = textOf(
    await sealed("a: 1\nb: 2\n", { encryptedRegex: "^a$", macOnlyEncrypted: true }),
  );
  expect(file).toMatch(/^a: ENC.*\nb: 2\n/);
  expect(file).toContain("encrypted_regex: ^a$");
  expect(file).toContain("mac_only_encrypted: true");
  expect(
    (await refusal(sealed("a: 1\n", { encryptedRegex: "a", encryptedSuffix: "b" }))).exitCode,
  ).toBe(8);
});

test("several groups share the data key", async () => {
  const file = await sealed("a: 1\n", {
    recipients: [{ age: alice.recipient }, { age: bob.recipient }],
    shamirThreshold: 2,
  });
  expect((await refusal(api.decrypt(file, { host }))).exitCode).toBe(128);
  expect(textOf(await api.decrypt(file, { host, identities: bob.identity }))).toBe("a: 1\n");
});

const odd: PlainObject = JSON.parse(
  '{"__proto__": {"constructor": 1}, "toString": "x", "": [null, {"__proto__": 5}], "2": "b", "1": "a"}',
) as PlainObject;

test("plain objects go in and out, no key special", async () => {
  const file = await api.encryptObject(odd, { recipients, host });
  const back = await api.readObject(file, { host });
  expect(back).toEqual(odd);
  expect(Object.hasOwn(back, "__proto__")).toBe(true);
  expect(
    Object.getPrototypeOf(back) === Object.prototype || Object.getPrototypeOf(back) === null,
  ).toBe(true);
  expect({}).not.toHaveProperty("polluted");
});

test("several objects make a stream of documents", async () => {
  const file = await api.encryptObject([{ a: 1 }, { b: 2 }], { recipients, host });
  expect(textOf(await api.decrypt(file, { host }))).toBe("a: 1\n---\nb: 2\n");
  expect(await api.readObject(file, { host })).toEqual({ a: 1 });
});

test("large integers come as bigints", async () => {
  const file = await sealed("a: 9223372036854775807\n");
  expect(await api.readObject(file, { host })).toEqual({ a: 2n ** 63n - 1n });
});

test("an update keeps comments and the ciphertext of what it leaves alone", async () => {
  const file = textOf(await sealed("# c\na: x\nl:\n    # d\n    - 1\n    - 2\nm:\n    k: z\n"));
  const changed = textOf(
    await api.update(
      file,
      (document) => {
        expect(document.get(["l", 1])).toBe(2);
        expect(document.get('["m"]["k"]')).toBe("z");
        expect(document.get(["zz", "y"])).toBeUndefined();
        expect(document.get(["toString"])).toBeUndefined();
        document.set(["l", 1], 3);
        document.set('["m"]["__proto__"]["x"]', { y: [true] });
        expect(document.unset(["a"])).toBe(true);
        expect(document.unset(["a"])).toBe(false);
      },
      { host },
    ),
  );
  expect(textOf(await api.decrypt(changed, { host }))).toBe(
    '# c\nl:\n    # d\n    - 1\n    - 3\nm:\n    k: z\n    __proto__:\n        x:\n            "y":\n                - true\n',
  );
  for (const line of file
    .split("\n")
    .filter((text) => /^ {4}(- ENC.*|k: )/.test(text))
    .filter((_, i) => i !== 1)) {
    expect(changed).toContain(line);
  }
  const comments = file.match(/ENC\[[^\]]*type:comment\]/g) ?? [];
  expect(comments).toHaveLength(2);
  for (const text of comments) expect(changed).toContain(text);
});

test("an update that fails, or changes nothing, changes nothing", async () => {
  const file = await sealed("a: x\n");
  expect(await api.update(file, (document) => document.set(["a"], "x"), { host })).toEqual(file);
  await expect(
    api.update(
      file,
      () => {
        throw new TypeError("mine");
      },
      { host },
    ),
  ).rejects.toThrow(TypeError);
});

test("rotation takes another data key and other recipients", async () => {
  const file = await sealed("a: x\n");
  const rotated = await api.rotate(file, {
    add: { age: bob.recipient },
    remove: { age: [alice.recipient] },
    host,
  });
  expect(textOf(await api.decrypt(rotated, { identities: bob.identity, host: { env } }))).toBe(
    "a: x\n",
  );
  expect(
    (await refusal(api.decrypt(rotated, { identities: alice.identity, host: { env } }))).exitCode,
  ).toBe(128);
});

test("files: the name gives the format, the result is returned and written on demand", async () => {
  const path = join(folder, "x.json");
  writeFileSync(path, '{"a": 1}');
  const real = { host: { env }, identities: alice.identity };
  const file = await api.encryptFile(path, { recipients, host: { env } });
  expect(readFileSync(path, "utf8")).toBe('{"a": 1}');
  expect(Object.keys(JSON.parse(textOf(file)) as object)).toEqual(["a", "sops"]);
  await api.encryptFile(path, { recipients, host: { env }, inPlace: true });
  expect(readFileSync(path, "utf8")).toContain('"sops"');
  expect(await api.readFileObject(path, real)).toEqual({ a: 1 });
  const before = statSync(path);
  await api.updateFile(path, (document) => document.set(["a"], 1), real);
  expect(statSync(path).ino).toBe(before.ino);
  expect(statSync(path).mtimeMs).toBe(before.mtimeMs);
  await api.updateFile(path, (document) => document.set(["b"], "y"), real);
  await api.rotateFile(path, { ...real, inPlace: true });
  const output = join(folder, "plain.json");
  await api.decryptFile(path, { ...real, output });
  expect(readFileSync(output, "utf8")).toBe('{"a": 1, "b": "y"}');
});

test("files: recipients come from the rule in .sops.yaml", async () => {
  writeFileSync(
    join(folder, ".sops.yaml"),
    `creation_rules:\n  - path_regex: \\.yaml$\n    age: ${alice.recipient}\n    encrypted_regex: ^a$\n`,
  );
  const path = join(folder, "x.yaml");
  writeFileSync(path, "a: 1\nb: 2\n");
  const config = join(folder, ".sops.yaml");
  const file = textOf(await api.encryptFile(path, { host: { env }, config }));
  expect(file).toMatch(/^a: ENC.*\nb: 2\n/);
  const missing = api.encryptFile(path, { host: { env }, config: join(folder, "none.yaml") });
  expect((await refusal(missing)).exitCode).toBe(1);
});

test("the example of a new file, and the status of one", async () => {
  expect(textOf(await api.generateDocument("binary"))).toBe(
    "Welcome to SOPS! Edit this file as you please!",
  );
  expect(await api.isEncrypted(await sealed("a: 1\n"), { file: "x.yaml", input: "yaml" })).toBe(
    true,
  );
  expect(api.version).toMatch(/^\d+\.\d+\.\d+/);
});

test("what is extracted is the caller's own, also a long value left in clear", async () => {
  const text = "x".repeat(300_000);
  const file = await sealed(JSON.stringify({ a_unencrypted: text, b: 1 }), { format: "json" });
  const extract = ["a_unencrypted"];
  const value = await api.decrypt(file, { format: "json", extract, host });
  value.fill(0);
  expect(textOf(await api.decrypt(file, { format: "json", extract, host }))).toBe(text);
});
