import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  copyFileSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/main.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { realHost } from "../../src/io/real-host.ts";
import { isExecutable, programUnderTest } from "../cli/program-under-test.ts";
import { KeyRing } from "../keys/key-ring.ts";

// Files made by real sops 3.13.2 (some by 3.11.0): see fixtures/README.md.

const corpus = join(import.meta.dirname, "../../fixtures/golden");
const index = readJson<{ cases: string[]; rejects: string[] }>(join(corpus, "cases.json"));

interface Recorded {
  stdout?: string;
  stdout_b64?: string;
  stdout_file?: string;
  decrypted?: string;
  decrypted_b64?: string;
  decrypted_file?: string;
}

interface Case {
  plain?: string;
  encrypted: string;
  decrypted?: string;
  needs: string[];
  encrypted_by: string;
  reference: string | null;
  lossy?: boolean;
  encrypt?: { argv: string[]; stdin?: string };
  decrypt: { argv: string[]; stdin?: string };
  decrypt_fails?: unknown;
  converted?: Record<string, Recorded & { exit?: number }>;
  extract?: (Recorded & { path: string })[];
  set?: (Recorded & { command: string; args: string[] })[];
}

interface Reject {
  argv: string[];
  needs: string[];
  stdin?: string;
  exit: number;
  panic?: boolean;
  writes_stdout?: boolean;
}

/** Checks where sopsmith is meant to differ, each with the text that says so. */
const departures: Record<string, { checks: RegExp; because: string }> = {
  "json-trailing-garbage": { checks: /^(encrypt|shape)/, because: "file-format 10, D15" },
  "odd-json-two-values": { checks: /^(encrypt|shape)/, because: "file-format 10, D15" },
  "odd-json-bad-utf8": { checks: /^(encrypt|shape)/, because: "issue 12, point 16" },
  "random-yaml-comments-00": { checks: /./, because: "file-format 10, D16" },
  "yaml-multiline-leading-space-in-list": { checks: /./, because: "file-format 10, D3" },
  "yaml-multiline-leading-tab": { checks: /./, because: "file-format 10, D2" },
};
/** `set` keeps an integer that a double cannot hold (file-format 10, D12; cli 14). */
const isKeptInteger = (args: readonly string[]): boolean => args.at(-1) === "9007199254740993";

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/** The home of gpg with the corpus's key. */
const ring = new KeyRing();
ring.gpg(["--import", join(corpus, "keys/pgp-secret.asc")]);
afterAll(() => ring.remove());

const dir = mkdtempSync(join(tmpdir(), "sopsmith-golden-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
});

interface Result {
  exit: number;
  stdout: Buffer;
  stderr: string;
}

/** Runs a command line in `dir`: in process where it can. */
async function sopsmith(
  argv: readonly string[],
  needs: readonly string[],
  stdin?: string,
): Promise<Result> {
  const identities = needs
    .filter((need) => need.startsWith("age:"))
    .map((need) => readFileSync(join(corpus, `keys/${need.slice(4)}.txt`), "utf8"));
  const out: Buffer[] = [];
  let stderr = "";
  const env = {
    HOME: dir,
    PATH: process.env["PATH"],
    SOPSMITH_LAYOUT: "sops",
    GNUPGHOME: needs.includes("pgp") ? ring.dir : join(dir, "nognupg"),
    ...(identities.length > 0 && { SOPS_AGE_KEY: keysOf(identities) }),
  };
  if (isExecutable) return runExecutable(argv, env, stdin);
  const real = realHost();
  const readFile = (path: string) => real.readFile(resolve(dir, path));
  const host = { ...real, env, cwd: () => dir, readFile, warn: () => undefined };
  const exit = await run(
    argv.map((word) => (word !== "" && existsSync(join(dir, word)) ? join(dir, word) : word)),
    host,
    {
      readStdin: () =>
        Promise.resolve(stdin === undefined ? Buffer.alloc(0) : readFileSync(join(dir, stdin))),
      writeStdout: (chunks) => {
        out.push(joinChunks(chunks));
        return Promise.resolve();
      },
      writeStderr: (text) => void (stderr += text),
      askYesNo: (question) => Promise.reject(new Error(`nobody answers ${question}`)),
      color: false,
      isTerminal: false,
      colorStdout: false,
    },
  );
  return { exit, stdout: Buffer.concat(out), stderr };
}

/** The same in a process of its own. */
function runExecutable(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  stdin: string | undefined,
): Result {
  const [program, ...words] = programUnderTest;
  const input = stdin === undefined ? "" : readFileSync(join(dir, stdin));
  const { status, stdout, stderr } = spawnSync(program, [...words, ...argv], {
    cwd: dir,
    env,
    input,
    maxBuffer: 2 ** 26,
  });
  return { exit: status ?? -1, stdout, stderr: stderr.toString() };
}

/** SOPS_AGE_KEY takes every word for an identity, so comments are left out. */
const keysOf = (files: readonly string[]): string =>
  files.flatMap((file) => file.split("\n").filter((line) => line.startsWith("AGE-"))).join("\n");

function recorded(
  item: Recorded,
  field: "stdout" | "decrypted",
  source: string,
): Buffer | undefined {
  const text = item[field];
  if (text !== undefined) return Buffer.from(text);
  const base64 = item[`${field}_b64`];
  if (base64 !== undefined) return Buffer.from(base64, "base64");
  const file = item[`${field}_file`];
  return file === undefined ? undefined : readFileSync(join(source, file));
}

/** An encrypted file with all that differs from run to run masked. */
function mask(file: Buffer): string {
  return file
    .toString("latin1")
    .replaceAll(
      /ENC\[AES256_GCM,data:([^,\]]*),iv:[^,\]]*,tag:[^,\]]*,type:(\w+)\]/g,
      (_, data: string, type: string) => `ENC[${Buffer.from(data, "base64").length},${type}]`,
    )
    .replaceAll(
      /-----BEGIN AGE ENCRYPTED FILE-----[\s\S]*?-----END AGE ENCRYPTED FILE-----/g,
      "<AGE>",
    )
    .replaceAll(/-----BEGIN PGP MESSAGE-----[\s\S]*?-----END PGP MESSAGE-----/g, "<PGP>")
    .replaceAll(/((?:lastmodified|created_at)\\?"?\s*[:=]\s*\\?"?)\d{4}-[0-9T:Z.+-]+/g, "$1<TIME>")
    .replaceAll(/(version\\?"?\s*[:=]\s*\\?"?)\d+\.\d+\.\d+[-\w.]*/g, "$1<VERSION>");
}

/** Masked YAML without encrypted comments and list dashes: equal for both ways to write a comment in a list. */
const withoutListComments = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !/^[\s-]*#?\s*ENC\[\d+,comment\]\s*$/.test(line))
    .map((line) => line.replace(/\s*#ENC\[\d+,comment\]$/, "").replace(/^[\s-]+/, ""))
    .join("\n");

describe.each(index.cases)("%s", (name) => {
  const source = join(corpus, "cases", name);
  const c = readJson<Case>(join(source, "case.json"));
  const { needs } = c;
  const departs = (check: string): boolean => departures[name]?.checks.test(check) ?? false;
  const provide = (...names: (string | undefined)[]): void => {
    for (const file of [...names, ".sops.yaml"]) {
      if (file !== undefined && existsSync(join(source, file)))
        copyFileSync(join(source, file), join(dir, file));
    }
  };
  const expected = c.decrypted === undefined ? undefined : readFileSync(join(source, c.decrypted));
  const typeFlags = c.decrypt.argv.slice(1, -1);

  if (expected && !departs("decrypt")) {
    test("decrypts to the recorded text", async () => {
      provide(c.encrypted);
      const result = await sopsmith(c.decrypt.argv, needs, c.decrypt.stdin);
      expect(result).toMatchObject({ exit: 0 });
      expect(result.stdout.equals(expected), result.stdout.toString()).toBe(true);
    });
  }

  test.each(Object.entries(c.converted ?? {}).filter(([type]) => !departs(`convert ${type}`)))(
    "converts to %s as recorded",
    async (type, item) => {
      provide(c.encrypted);
      const argv = ["decrypt", ...typeFlags, "--output-type", type, c.encrypted];
      const result = await sopsmith(argv, needs);
      const want = recorded(item, "stdout", source);
      expect(result.exit === 0).toBe(want !== undefined);
      expect(result.stdout.toString("latin1")).toBe((want ?? Buffer.alloc(0)).toString("latin1"));
    },
  );

  test.each((c.extract ?? []).filter(({ path }) => !departs(`extract ${path}`)))(
    "extracts $path as recorded",
    async (item) => {
      provide(c.encrypted);
      const argv = ["decrypt", ...typeFlags, "--extract", item.path, c.encrypted];
      const result = await sopsmith(argv, needs);
      const want = recorded(item, "stdout", source);
      expect(result.exit === 0).toBe(want !== undefined);
      expect(result.stdout.toString("latin1")).toBe((want ?? Buffer.alloc(0)).toString("latin1"));
    },
  );

  const isRefusedList = (item: Recorded & { args: string[] }): boolean =>
    recorded(item, "decrypted", source) === undefined &&
    (item.args.at(-1)?.startsWith("[") ?? false);
  test.each(
    (c.set ?? []).filter(
      (item) =>
        !departs("set") &&
        !isKeptInteger(item.args) &&
        !(item.command === "set" && isRefusedList(item)),
    ),
  )("$command $args gives the recorded text", async (item) => {
    provide(c.encrypted);
    const changed = await sopsmith([item.command, c.encrypted, ...item.args], needs);
    const want = recorded(item, "decrypted", source);
    if (want === undefined) {
      expect(changed.exit).toBeGreaterThan(0);
      expect(readFileSync(join(dir, c.encrypted))).toEqual(readFileSync(join(source, c.encrypted)));
      return;
    }
    expect(changed).toMatchObject({ exit: 0 });
    const result = await sopsmith(["decrypt", c.encrypted], needs);
    expect(result.stdout.toString("latin1")).toBe(want.toString("latin1"));
  });

  const { encrypt } = c;
  if (!encrypt) return;
  if (c.decrypt_fails !== undefined || departs("encrypt")) {
    test("refuses to encrypt what no sops can decrypt unchanged, or keeps what sops loses", async () => {
      provide(c.plain);
      const result = await sopsmith(encrypt.argv, needs, encrypt.stdin);
      if (result.exit !== 0) {
        expect(result.stdout).toHaveLength(0);
        return;
      }
      writeFileSync(join(dir, c.encrypted), result.stdout);
      expect(await sopsmith(c.decrypt.argv, needs, c.decrypt.stdin)).toMatchObject({ exit: 0 });
    });
    return;
  }
  test("encrypts to a file of the recorded shape, which decrypts to the recorded text", async () => {
    provide(c.plain);
    const result = await sopsmith(encrypt.argv, needs, encrypt.stdin);
    expect(result).toMatchObject({ exit: 0 });
    writeFileSync(join(dir, c.encrypted), result.stdout);
    if (expected) {
      const back = await sopsmith(c.decrypt.argv, needs, c.decrypt.stdin);
      expect(back.stdout.toString("latin1")).toBe(expected.toString("latin1"));
    }
    if (c.encrypted_by === "3.11.0") return;
    const want = mask(readFileSync(join(source, c.encrypted)));
    const got = mask(result.stdout);
    if (c.reference === "3.11.0") expect(withoutListComments(got)).toBe(withoutListComments(want));
    else expect(got).toBe(want);
  });
});

test.each(index.rejects)("refuses %s as sops does", async (name) => {
  const source = join(corpus, "rejects", name);
  const c = readJson<Reject>(join(source, "case.json"));
  for (const file of readdirSync(source))
    if (file !== "case.json") copyFileSync(join(source, file), join(dir, file));
  const result = await sopsmith(c.argv, c.needs, c.stdin);
  expect(result.exit).toBeGreaterThan(0);
  if (!c.writes_stdout) expect(result.stdout).toHaveLength(0);
  if (!c.panic) expect(result.exit).toBe(c.exit);
});
