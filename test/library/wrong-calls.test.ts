import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as api from "../../src/index.ts";
import {
  configChecks,
  decryptChecks,
  encryptChecks,
  openChecks,
  rotateChecks,
  updateKeysChecks,
  writeChecks,
} from "../../src/library/options.ts";
import { surroundingsChecks } from "../../src/library/surroundings.ts";
import { alice } from "../keys/fake-host.ts";

type Api = typeof api;
/** The exported functions: a new one needs a row below, or this file does not compile. */
type Exported = {
  [Name in keyof Api]: Api[Name] extends (...args: never) => Promise<unknown> ? Name : never;
}[keyof Api];

interface Call {
  /** Right arguments in front of the options. */
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly takes: readonly string[];
  readonly needs?: readonly string[];
  readonly readsFile?: true;
}

const folder = mkdtempSync(join(tmpdir(), "wrong-calls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { HOME: "/nonexistent", SOPS_AGE_KEY: alice.identity };
const recipients = { age: alice.recipient };
const file = Buffer.from(await api.encrypt("a: 1\n", { recipients })).toString();
const [plainPath, path, envPath, iniPath] = ["p.yaml", "s.yaml", "s.env", "s.ini"].map((name) =>
  join(folder, name),
) as [string, string, string, string];
writeFileSync(plainPath, "a: 1\n");
writeFileSync(path, file);
writeFileSync(envPath, await api.encrypt("A=1\n", { recipients, format: "dotenv" }));
writeFileSync(iniPath, await api.encrypt("[a]\nb = 1\n", { recipients, format: "ini" }));
const change = () => undefined;
const keys = (...checks: readonly object[]) => checks.flatMap((one) => Object.keys(one));
const load = Object.keys(openChecks).filter(
  (name) => !["outputFormat", "indent", "layout"].includes(name),
);

const calls: Record<Exported, Call> = {
  encrypt: {
    args: ["a: 1\n"],
    options: { env, recipients },
    takes: keys(encryptChecks),
    needs: ["recipients"],
  },
  encryptObject: {
    args: [{ a: 1 }],
    options: { env, recipients },
    takes: keys(encryptChecks),
    needs: ["recipients"],
  },
  encryptFile: {
    args: [plainPath],
    options: { env, recipients },
    takes: keys(encryptChecks, writeChecks, configChecks),
    readsFile: true,
  },
  decrypt: { args: [file], options: { env }, takes: keys(decryptChecks) },
  decryptObject: { args: [file], options: { env }, takes: keys(openChecks) },
  decryptFile: {
    args: [path],
    options: { env },
    takes: keys(decryptChecks, writeChecks),
    readsFile: true,
  },
  decryptFileObject: { args: [path], options: { env }, takes: keys(openChecks), readsFile: true },
  update: { args: [file, change], options: { env }, takes: keys(openChecks) },
  updateFile: {
    args: [path, change],
    options: { env },
    takes: keys(openChecks, writeChecks),
    readsFile: true,
  },
  rotate: { args: [file], options: { env }, takes: keys(rotateChecks) },
  rotateFile: {
    args: [path],
    options: { env },
    takes: keys(rotateChecks, writeChecks),
    readsFile: true,
  },
  updateKeys: {
    args: [file],
    options: { env, recipients },
    takes: keys(updateKeysChecks),
    needs: ["recipients"],
  },
  updateKeysFile: {
    args: [path],
    options: { env, recipients },
    takes: keys(updateKeysChecks, writeChecks, configChecks),
    readsFile: true,
  },
  isEncrypted: {
    args: [path],
    options: { env },
    takes: keys(surroundingsChecks, { format: 1 }),
    readsFile: true,
  },
  settingsOf: {
    args: [path],
    options: { env },
    takes: keys(surroundingsChecks, { format: 1 }),
    readsFile: true,
  },
  creationRule: {
    args: ["x.yaml"],
    options: { env, config: writtenConfig() },
    takes: keys(surroundingsChecks, configChecks),
  },
  keygen: { args: [], options: {}, takes: ["postQuantum", "now"] },
  loadEnv: { args: [envPath], options: { env }, takes: [...load, "into"], readsFile: true },
  loadIni: { args: [iniPath], options: { env }, takes: load, readsFile: true },
};

function writtenConfig(): string {
  const config = join(folder, ".sops.yaml");
  writeFileSync(config, `creation_rules:\n  - age: ${alice.recipient}\n`);
  return config;
}

const names = Object.keys(calls) as Exported[];

test("there is a row for each exported function", () => {
  const functions = Object.entries(api).filter(
    ([name, value]) => typeof value === "function" && name !== "SopsmithError",
  );
  expect(functions.map(([name]) => name).toSorted()).toEqual(names.toSorted());
});

const exported: Api = { ...api };

const call = (name: Exported, args: readonly unknown[], options: unknown): Promise<unknown> =>
  (exported[name] as (...all: unknown[]) => Promise<unknown>)(...args, options);

/** The call's failure, which must be one of ours, with nothing of the value in it. */
async function failure(work: Promise<unknown>): Promise<api.SopsmithError> {
  const error: unknown = await work.then(
    (result) => expect.unreachable(`gave ${String(result).slice(0, 60)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(api.SopsmithError);
  if (!(error instanceof api.SopsmithError)) throw error;
  expect(error.message).not.toContain("canary");
  return error;
}

class Canary {
  readonly field = 5;
}

/** Wrong in the place of any argument. */
const wrong = [
  undefined,
  null,
  0,
  1n,
  true,
  Symbol("canary"),
  new Map([["canary", "canary"]]),
  new Canary(),
  Promise.resolve("canary"),
  ["canary", 5],
] as const;

/** Wrong for each option; a text or an empty list is right for some. */
const wrongOptions = [null, 1.5, -1, 1n, Symbol("canary"), new Canary(), [[]], [{ field: 1 }]];

test.each(names)("%s does its work with right arguments", async (name) => {
  expect(await call(name, calls[name].args, calls[name].options)).toBeDefined();
});

const changes = new Set<Exported>(["update", "updateFile"]);

test.each(names)("%s refuses each wrong argument", async (name) => {
  const { args, options } = calls[name];
  for (const [place] of args.entries())
    for (const value of wrong) {
      // An object is a document, and instances are refused with their place.
      const error = await failure(call(name, args.with(place, value), options));
      expect(["invalid-argument", "unsupported-value"]).toContain(error.code);
    }
  if (changes.has(name)) {
    const error = await failure(call(name, [args[0], "canary"], options));
    expect(error.message).toBe("change: expected a function, not a string");
  }
});

test.each(names)("%s refuses options that are not an object", async (name) => {
  for (const options of [null, 1, "canary", [], () => 1, Symbol("canary")]) {
    const error = await failure(call(name, calls[name].args, options));
    expect(error.code).toBe("invalid-argument");
    expect(error.message).toMatch(/^options: expected an object, not /);
  }
});

test.each(names)("%s names an option that it does not know, and the nearest one", async (name) => {
  const { args, options, takes } = calls[name];
  for (const known of takes) {
    const typo = `${known.slice(0, -1)}X`;
    const error = await failure(call(name, args, { ...options, [typo]: "canary" }));
    expect(error.message).toBe(`options.${typo}: there is no such option; did you mean ${known}?`);
  }
  const error = await failure(call(name, args, { ...options, quite_another: 1 }));
  expect(error.message).toBe("options.quite_another: there is no such option");
  expect(error.hint).toContain(takes.toSorted().join(", "));
});

test.each(names)("%s refuses a wrong value of each option", async (name) => {
  const { args, options, takes } = calls[name];
  for (const option of takes)
    for (const value of wrongOptions) {
      const error = await failure(call(name, args, { ...options, [option]: value }));
      expect(error.code).toBe("invalid-argument");
      expect(error.message).toMatch(new RegExp(`^options\\.${option}[.[\\]\\w]*: `));
    }
});

test.each(names.filter((name) => calls[name].needs !== undefined))(
  "%s names an option that is missing",
  async (name) => {
    const { args, options, needs = [] } = calls[name];
    for (const option of needs) {
      const { [option]: _missing, ...others } = options;
      for (const given of [others, { ...others, [option]: undefined }])
        expect((await failure(call(name, args, given))).message).toBe(
          `options.${option}: it is missing`,
        );
      const error = await failure(call(name, args, undefined));
      expect(error.code).toBe("invalid-argument");
    }
  },
);

test.each(names.filter((name) => calls[name].readsFile))(
  "%s names a file that is missing or not a file, and an invalid URL",
  async (name) => {
    const { args, options } = calls[name];
    const missing = join(folder, "none.yaml");
    for (const [given, said] of [
      [missing, "no such file or directory"],
      [folder, "is a directory"],
    ] as const) {
      const error = await failure(call(name, args.with(0, given), options));
      expect(error).toMatchObject({ code: "unreadable", exitCode: 2, file: given });
      expect(error.message).toBe(`cannot read "${given}": ${said}`);
    }
    const web = await failure(call(name, args.with(0, new URL("https://x.example/a")), options));
    expect(web.message).toBe("path: expected a file: URL, not one of https:");
    const nul = await failure(call(name, args.with(0, "a\0b"), options));
    expect(nul.code).toBe("invalid-argument");
  },
);

test.each(names.filter((name) => calls[name].takes.includes("readFile")))(
  "%s refuses wrong return values of readFile, now and prompt",
  async (name) => {
    const { args, options, readsFile } = calls[name];
    if (readsFile !== true) return;
    const error = await failure(call(name, args, { ...options, readFile: () => 5 }));
    expect(error.message).toBe(
      "options.readFile: expected it to return text or a Uint8Array, not a number",
    );
  },
);

test("keys are named by their place", async () => {
  const encrypt = (given: unknown) =>
    failure(call("encrypt", ["a: 1\n"], { env, recipients: given }));
  expect((await encrypt({ agee: "age1" })).message).toBe(
    "options.recipients.agee: there is no such key type; did you mean age?",
  );
  expect((await encrypt({ age: [alice.recipient, 5] })).message).toBe(
    "options.recipients.age[1]: expected a string, not a number",
  );
  const bad = await encrypt([{ age: alice.recipient }, { age: [alice.recipient, "age1no"] }]);
  expect(bad.message).toMatch(/^options\.recipients\[1\]\.age\[1\]: /);
  expect(bad.code).toBe("key-syntax");
  expect((await encrypt({})).message).toBe("options.recipients: it contains no key");
  expect((await encrypt([])).message).toBe(
    "options.recipients: expected at least one group of keys",
  );
  const remove = await failure(call("rotate", [file], { env, remove: { age: ["age1no"] } }));
  expect(remove.message).toMatch(/^options\.remove\.age\[0\]: /);
});

test("identities are named by their place", async () => {
  const decrypt = (identities: unknown) => failure(call("decrypt", [file], { env, identities }));
  expect((await decrypt([alice.identity, "canary"])).message).toMatch(
    /^options\.identities\[1\]: .*unknown identity type/,
  );
  expect((await decrypt("")).message).toBe("options.identities: it holds no identity");
  expect((await decrypt([alice.identity, 1])).message).toBe(
    "options.identities[1]: expected a string, not a number",
  );
});

test("paths inside documents are named by their place", async () => {
  const error = await failure(call("decrypt", [file], { env, extract: "a" }));
  expect(error).toMatchObject({ code: "path-syntax", exitCode: 91 });
  expect(error.message).toMatch(/^options\.extract: /);
  const change = (document: api.Document) => document.set([{} as string], 1);
  expect((await failure(call("update", [file, change], { env }))).message).toBe(
    "path[0]: expected a key or a position, not an object",
  );
  const value: object = { c: new Map() };
  const put = (document: api.Document) => document.set(["b"], value);
  expect(await failure(call("update", [file, put], { env }))).toMatchObject({
    code: "unsupported-value",
    path: '["c"]',
  });
});

test("a result goes to one place only", async () => {
  const both = { env, inPlace: true, output: join(folder, "other.yaml") };
  for (const name of names.filter((one) => calls[one].takes.includes("inPlace")))
    expect(
      (await failure(call(name, calls[name].args, { ...calls[name].options, ...both }))).message,
    ).toBe("options.output: it cannot be used together with inPlace");
});
