import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as api from "../../src/index.ts";
import type { PlainObject } from "../../src/tree/plain.ts";
import { alice, bob } from "../keys/fake-host.ts";
import { refusal } from "../verbs.ts";

const recipients = { age: alice.recipient };
// Nothing of the surroundings: only what the options name.
const env = { HOME: "/nonexistent" };
/** Alice's surroundings. */
const alices = { env: { ...env, SOPS_AGE_KEY: alice.identity } };
const sealed = (text: string, options: Partial<api.EncryptOptions> = {}) =>
  api.encrypt(text, { recipients, ...alices, ...options });
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "library-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("encrypts text or bytes, and decrypts with identities given as text", async () => {
  for (const source of ["a: 1\n", Buffer.from("a: 1\n")]) {
    const file = await api.encrypt(source, { recipients, env });
    expect(textOf(file)).toContain("type:int]");
    expect(textOf(await api.decrypt(file, { identities: alice.identity, env }))).toBe("a: 1\n");
    expect(
      textOf(
        await api.decrypt(textOf(file), {
          identities: [bob.identity, alice.identity],
          env,
        }),
      ),
    ).toBe("a: 1\n");
  }
});

test("errors carry code, exit code and hint", async () => {
  const file = await sealed("a: 1\n");
  const error = await refusal(api.decrypt(file, { identities: bob.identity, env }));
  expect(error).toBeInstanceOf(api.SopsmithError);
  expect(error.exitCode).toBe(128);
  expect(error.code).toMatch(/^[a-z-]+$/);
  const tampered = textOf(file).replace(/^a: .*$/m, 'a: ""');
  const mac = await refusal(api.decrypt(tampered, { ...alices }));
  expect(mac.exitCode).toBe(51);
  expect(mac.code).toBe("mac-mismatch");
  expect(mac.hint).toBeTypeOf("string");
  expect(await refusal(sealed("a: ["))).toMatchObject({ code: "parse-error", exitCode: 1 });
});

test("the format and the result's format can be chosen", async () => {
  const file = await sealed('{"a": 1.5}', { format: "json" });
  expect(textOf(await api.decrypt(file, { format: "json", outputFormat: "yaml", ...alices }))).toBe(
    "a: 1.5\n",
  );
  expect(textOf(await api.decrypt(file, { format: "json", indent: 2, ...alices }))).toBe(
    '{\n  "a": 1.5\n}\n',
  );
});

test("one value can be extracted by text or by steps", async () => {
  const file = await sealed("a:\n  - b: x\n");
  expect(textOf(await api.decrypt(file, { extract: '["a"][0]["b"]', ...alices }))).toBe("x");
  expect(textOf(await api.decrypt(file, { extract: ["a", 0, "b"], ...alices }))).toBe("x");
  expect((await refusal(api.decrypt(file, { extract: "a", ...alices }))).exitCode).toBe(91);
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
  expect((await refusal(api.decrypt(file, { ...alices }))).exitCode).toBe(128);
  expect(textOf(await api.decrypt(file, { ...alices, identities: bob.identity }))).toBe("a: 1\n");
});

const odd: PlainObject = JSON.parse(
  '{"__proto__": {"constructor": 1}, "toString": "x", "": [null, {"__proto__": 5}], "2": "b", "1": "a"}',
) as PlainObject;

test("plain objects go in and come out, and no key is special", async () => {
  const file = await api.encryptObject(odd, { recipients, ...alices });
  const back = await api.decryptObject(file, { ...alices });
  expect(back).toEqual(odd);
  expect(Object.hasOwn(back, "__proto__")).toBe(true);
  expect(
    Object.getPrototypeOf(back) === Object.prototype || Object.getPrototypeOf(back) === null,
  ).toBe(true);
  expect({}).not.toHaveProperty("polluted");
});

test("several objects make a stream of documents", async () => {
  const file = await api.encryptObject([{ a: 1 }, { b: 2 }], { recipients, ...alices });
  expect(textOf(await api.decrypt(file, { ...alices }))).toBe("a: 1\n---\nb: 2\n");
  expect(await api.decryptObject(file, { ...alices })).toEqual({ a: 1 });
});

test("large integers come as bigints", async () => {
  const file = await sealed("a: 9223372036854775807\n");
  expect(await api.decryptObject(file, { ...alices })).toEqual({ a: 2n ** 63n - 1n });
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
      { ...alices },
    ),
  );
  expect(textOf(await api.decrypt(changed, { ...alices }))).toBe(
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
  expect(await api.update(file, (document) => document.set(["a"], "x"), { ...alices })).toEqual(
    file,
  );
  await expect(
    api.update(
      file,
      () => {
        throw new TypeError("mine");
      },
      { ...alices },
    ),
  ).rejects.toThrow(TypeError);
});

test("rotation uses a new data key and other recipients", async () => {
  const file = await sealed("a: x\n");
  const rotated = await api.rotate(file, {
    add: { age: bob.recipient },
    remove: { age: [alice.recipient] },
    ...alices,
  });
  expect(textOf(await api.decrypt(rotated, { identities: bob.identity, env }))).toBe("a: x\n");
  expect((await refusal(api.decrypt(rotated, { identities: alice.identity, env }))).exitCode).toBe(
    128,
  );
});

test("files: the name gives the format, the result is returned and written on demand", async () => {
  const path = join(folder, "x.json");
  writeFileSync(path, '{"a": 1}');
  const real = { env, identities: alice.identity };
  const inPlace = { ...real, inPlace: true };
  const file = await api.encryptFile(path, { recipients, env });
  expect(readFileSync(path, "utf8")).toBe('{"a": 1}');
  expect(Object.keys(JSON.parse(textOf(file)) as object)).toEqual(["a", "sops"]);
  await api.encryptFile(path, { recipients, env, inPlace: true });
  expect(readFileSync(path, "utf8")).toContain('"sops"');
  expect(await api.decryptFileObject(path, real)).toEqual({ a: 1 });
  const before = statSync(path);
  await api.updateFile(path, (document) => document.set(["a"], 1), inPlace);
  expect(statSync(path).ino).toBe(before.ino);
  expect(statSync(path).mtimeMs).toBe(before.mtimeMs);
  await api.updateFile(path, (document) => document.set(["b"], "y"), inPlace);
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
  const file = textOf(await api.encryptFile(path, { env, config }));
  expect(file).toMatch(/^a: ENC.*\nb: 2\n/);
  const missing = api.encryptFile(path, { env, config: join(folder, "none.yaml") });
  expect((await refusal(missing)).exitCode).toBe(1);
});

test("the status of content, of a file and of a URL", async () => {
  const file = await sealed("a: 1\n");
  const path = join(folder, "x.yaml");
  writeFileSync(path, file);
  for (const encrypted of [file, textOf(file), path, pathToFileURL(path)])
    expect(await api.isEncrypted(encrypted)).toBe(true);
  const json = textOf(await sealed('{"a": 1}', { format: "json", indent: 0 })).replaceAll("\n", "");
  expect(await api.isEncrypted(json)).toBe(true);
  writeFileSync(path, "a: 1\n");
  for (const plain of ["a: 1\n", "", Buffer.from("a: 1"), path, "{}", "sops:\n  - a\n"])
    expect(await api.isEncrypted(plain)).toBe(false);
  expect((await refusal(api.isEncrypted("none.yaml"))).code).toBe("unreadable");
  expect(api.version).toMatch(/^\d+\.\d+\.\d+/);
});

test("an extracted value belongs to the caller, even a long unencrypted one", async () => {
  const text = "x".repeat(300_000);
  const file = await sealed(JSON.stringify({ a_unencrypted: text, b: 1 }), { format: "json" });
  const extract = ["a_unencrypted"];
  const value = await api.decrypt(file, { format: "json", extract, ...alices });
  value.fill(0);
  expect(textOf(await api.decrypt(file, { format: "json", extract, ...alices }))).toBe(text);
});
