import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { type } from "arktype";
import * as v from "valibot";
import { afterAll, beforeAll, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { encrypt, SopsmithError } from "../../src/index.ts";
import { load } from "../../src/node/load.ts";

const folder = mkdtempSync(join(tmpdir(), "sopsmith-load-"));
const at = (name: string) => join(folder, name);
const defaults = at("defaults.yaml");
const secrets = at("prod.enc.yaml");

beforeAll(async () => {
  const identity = await generateIdentity();
  const recipients = { age: await identityToRecipient(identity) };
  process.env["SOPS_AGE_KEY"] = identity;
  writeFileSync(
    defaults,
    "db:\n  host: localhost\n  port: 5432\n  pass: none\nhosts: [a, b]\nretries: 1\n",
  );
  writeFileSync(
    secrets,
    await encrypt(
      "db:\n  pass: hunter2hunter2\nhosts: [x]\nflag: true\nratio: 0.5\nwhen: 2024-01-02T03:04:05Z\nbig: 9007199254740993\nnothing: null\n",
      { recipients },
    ),
  );
  writeFileSync(
    at(".env.enc"),
    await encrypt(`export TOKEN="a b" # note\nPLAIN=it's # kept\n`, {
      recipients,
      format: "dotenv",
    }),
  );
  writeFileSync(at("plain.enc.yaml"), "a: 1\n");
});

afterAll(() => {
  delete process.env["SOPS_AGE_KEY"];
  rmSync(folder, { recursive: true, force: true });
});

const merged = {
  db: { host: "localhost", port: 5432, pass: "hunter2hunter2" },
  hosts: ["x"],
  retries: 1,
  flag: true,
  ratio: 0.5,
  when: new Date("2024-01-02T03:04:05Z"),
  big: 9_007_199_254_740_993n,
  nothing: null,
};

async function failure(work: Promise<unknown>): Promise<SopsmithError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SopsmithError)) throw new Error(`no SopsmithError: ${String(error)}`);
  return error;
}

test("later files win over earlier ones: mappings are merged, lists replaced", async () => {
  expect(await load({ files: [defaults, pathToFileURL(secrets)] })).toEqual(merged);
  expect(await load({ files: defaults })).toMatchObject({
    hosts: ["a", "b"],
    db: { pass: "none" },
  });
});

test("variables win over all files and take the type of the value that they replace", async () => {
  const files = [defaults, secrets];
  const env = {
    DB_PASS: "from-env",
    DB_PORT: "6000",
    FLAG: "false",
    RATIO: "1e3",
    WHEN: "2025-01-01T00:00:00Z",
    BIG: "9007199254740995",
    NOTHING: "now",
    HOSTS_0: "y",
    RETRIES: "many",
    OTHER: "x",
  };
  expect(await load({ files, env })).toEqual({
    db: { host: "localhost", port: 6000, pass: "from-env" },
    hosts: ["y"],
    retries: "many",
    flag: false,
    ratio: 1000,
    when: new Date("2025-01-01T00:00:00Z"),
    big: 9_007_199_254_740_995n,
    nothing: "now",
  });
  const named = { APP_DB__PASS: "p", DB_PASS: "q" };
  expect(await load({ files, env: named, prefix: "APP_", separator: "__" })).toMatchObject({
    db: { pass: "p" },
  });
});

test("ENV files lose quotes and export; a # without quotes is part of the value", async () => {
  expect(await load({ files: at(".env.enc") })).toEqual({ TOKEN: "a b", PLAIN: "it's # kept" });
});

const good = {
  zod: z.object({ db: z.object({ host: z.string(), port: z.number(), pass: z.string() }) }),
  valibot: v.object({
    db: v.object({ host: v.string(), port: v.number(), pass: v.string() }),
  }),
  arktype: type({ db: { host: "string", port: "number", pass: "string" } }),
};

test("schemas of zod, valibot and arktype give values their types", async () => {
  const files = [defaults, secrets];
  const a = await load({ files, schema: good.zod });
  const b = await load({ files, schema: good.valibot });
  const c = await load({ files, schema: good.arktype });
  expectTypeOf(a.db.port).toEqualTypeOf<number>();
  expectTypeOf(b.db.port).toEqualTypeOf<number>();
  expectTypeOf(c.db.port).toEqualTypeOf<number>();
  for (const { db } of [a, b, c]) expect(db).toEqual(merged.db);
  const changed = await load({
    files,
    schema: z.object({ retries: z.number().transform(String) }),
  });
  expectTypeOf(changed.retries).toEqualTypeOf<string>();
  expect(changed).toEqual({ retries: "1" });
});

const bad = {
  zod: z.strictObject({
    db: z.object({
      host: z.number(),
      port: z.string(),
      pass: z.string().regex(/^x/),
      user: z.string(),
    }),
  }),
  valibot: v.strictObject({
    db: v.object({
      host: v.number(),
      port: v.string(),
      pass: v.pipe(v.string(), v.regex(/^x/)),
      user: v.string(),
    }),
  }),
  arktype: type({ db: { host: "number", port: "string", pass: "/^x/", user: "string" } }),
};

test.each(Object.entries(bad))(
  "what a schema of %s refuses is listed with path and type, never with its value",
  async (_, schema) => {
    const error = await failure(load({ files: [defaults, secrets], schema }));
    expect(error.code).toBe("schema-mismatch");
    expect(error.message).toContain("db.host: expected number, found string");
    expect(error.message).toContain("db.port: expected string, found number");
    expect(error.message).toMatch(/db\.pass: this string is not one that the schema accepts/);
    expect(error.message).toMatch(/db\.user: missing(?:, expected string)?$/m);
    const shown = `${error.message} ${error.hint ?? ""} ${String(error.stack)} ${JSON.stringify(error)}`;
    for (const value of ["hunter2", "localhost", "5432"]) expect(shown).not.toContain(value);
    expect(error.cause).toBeUndefined();
  },
);

test("keys that a strict schema does not know are named", async () => {
  const schema = z.strictObject({ db: z.unknown() });
  const { message } = await failure(load({ files: defaults, schema }));
  expect(message).toContain("hosts: unknown key");
  expect(message).toContain("retries: unknown key");
  const other = await failure(load({ files: defaults, schema: v.strictObject({ db: v.any() }) }));
  expect(other.message).toContain("hosts: unknown key");
});

test("a schema that throws reveals no value either", async () => {
  const schema = z.object({
    db: z.object({
      pass: z.string().transform((pass) => {
        throw new Error(`bad ${pass}`);
      }),
    }),
  });
  const error = await failure(load({ files: secrets, schema }));
  expect(error.code).toBe("schema-mismatch");
  expect(`${error.message}${String(error.stack)}${String(error.cause)}`).not.toContain("hunter2");
});

test("a missing file, an unencrypted one that should be encrypted and a missing key are reported", async () => {
  expect(await failure(load({ files: at("no.yaml") }))).toMatchObject({
    code: "unreadable",
    exitCode: 2,
    message: expect.stringContaining(`cannot read ${JSON.stringify(at("no.yaml"))}: `),
  });
  expect((await failure(load({ files: at("plain.enc.yaml") }))).message).toContain(
    "is not encrypted, though its name says so",
  );
  const identity = process.env["SOPS_AGE_KEY"];
  process.env["SOPS_AGE_KEY"] = await generateIdentity();
  const error = await failure(load({ files: secrets }));
  process.env["SOPS_AGE_KEY"] = identity;
  expect(error.exitCode).toBe(128);
});

test.each([
  [undefined, undefined],
  [{}, "files"],
  [{ files: [1] }, "files[0]"],
  [{ files: new URL("http://localhost/") }, "files"],
  [{ files: "a", schema: {} }, "schema"],
  [{ files: "a", env: "x" }, "env"],
  [{ files: "a", prefix: 1 }, "prefix"],
])("wrong arguments are refused: %o", async (options, path) => {
  const error = await failure(load(options as unknown as Parameters<typeof load>[0]));
  expect([error.code, error.path]).toEqual(["invalid-option", path]);
});
