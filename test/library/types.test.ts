import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "sopsmith-types-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Programs of users. A line that ends in `// wrong` must be refused, every other line accepted. */
const program = `
import * as sopsmith from "sopsmith";
import { decryptObject, encryptObject, SopsmithError, type ErrorCode, type Recipients } from "sopsmith";

interface Db { user: string; port?: number; since: Date; tags: readonly string[] }
interface Secrets { db: Db; big: bigint; raw: Uint8Array; nothing: null }
declare const secrets: Secrets;
const recipients: Recipients = { age: ["age1"], pgp: "F" };
const options = { recipients };

await encryptObject(secrets, options);
await encryptObject([secrets, secrets], options);
await encryptObject({ a: [1, "x", { b: true }] }, options);
await encryptObject(JSON.parse("{}") as Record<string, unknown>, options);
await encryptObject({ f: () => 1 }, options); // wrong
await encryptObject({ m: new Map<string, string>() }, options); // wrong
await encryptObject({ s: new Set<string>() }, options); // wrong
await encryptObject({ p: Promise.resolve(1) }, options); // wrong
await encryptObject({ u: undefined }, options); // wrong
await encryptObject({ s: Symbol("s") }, options); // wrong
await encryptObject("text", options); // wrong
await encryptObject(secrets); // wrong
await encryptObject(secrets, {}); // wrong
await encryptObject(secrets, { recipients: { agee: "age1" } }); // wrong

const read = await decryptObject<Secrets>("");
read.db.since.getTime().toFixed();
read.db.nope; // wrong
const any = await decryptObject("");
any["a"];
const number: number = any["a"]; // wrong
await sopsmith.decryptFileObject<Secrets>(new URL("file:///x"));
await sopsmith.decryptFile("x", { extract: ["a", 0], inPlace: true });
await sopsmith.decryptFile("x", { extract: '["a"]', output: new URL("file:///x") });
await sopsmith.decryptFile(5); // wrong
await sopsmith.decryptFile("x", { inplace: true }); // wrong
await sopsmith.decrypt("x", { identities: ["A"], decryptionOrder: ["pgp"], env: process.env });
await sopsmith.decrypt("x", { decryptionOrder: ["gpg"] }); // wrong
await sopsmith.decrypt("x", { format: "toml" }); // wrong
await sopsmith.encrypt("x", { recipients: [recipients, { kms: "arn" }], shamirThreshold: 2, now: () => new Date() });
await sopsmith.encryptFile("x", { readFile: (path) => path.length === 0 ? "" : new Uint8Array(0), prompt: false });
await sopsmith.updateFile("x", async (document) => {
  document.set(["db"], secrets.db);
  document.set('["a"]', [1]);
  document.set(["a"], new Map<string, string>()); // wrong
  const user: string | undefined = document.get<string>(["db", "user"]);
  document.get(["a"], user); // wrong
  document.toObject<Secrets>().db.user.trim();
}, { inPlace: true });
await sopsmith.rotate("x", { add: recipients, remove: { age: "age1" } });
await sopsmith.updateKeys("x", {}); // wrong
await sopsmith.updateKeys("x", { recipients });
await sopsmith.updateKeysFile("x", { config: "y" });
const found = await sopsmith.creationRule("x");
if (found) {
  await encryptObject(secrets, found.rule);
  await sopsmith.updateKeys("x", found.rule);
}
const settings = await sopsmith.settingsOf("x");
await encryptObject(secrets, settings);
const { identity, recipient, keyFile } = await sopsmith.keygen({ postQuantum: true });
const texts: string[] = [identity, recipient, keyFile];
const yes: boolean = await sopsmith.isEncrypted(new URL("file:///x"), { format: "yaml" });
const { mail } = await sopsmith.loadIni<{ mail: { host: string } }>("x");
mail.host.trim();
const variables: Record<string, string> = await sopsmith.loadEnv("x", { into: process.env });

export function meaning(error: unknown): ErrorCode | undefined {
  if (!(error instanceof SopsmithError)) return undefined;
  if (error.code === "mac-mismatch") return error.code;
  if (error.code === "mac-missmatch") return undefined; // wrong
  return error.code;
}
export { number, texts, yes, variables };
`;

beforeAll(() => {
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  mkdirSync(join(folder, "node_modules/sopsmith"));
  for (const name of ["package.json", "dist"])
    symlinkSync(join(root, name), join(folder, "node_modules/sopsmith", name));
  for (const name of ["@types/node", "undici-types"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "program.ts"), program);
});

test.each([
  ["nodenext", "nodenext", []],
  ["esnext", "bundler", []],
  ["nodenext", "nodenext", ["--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"]],
])(
  "types accept right use and refuse wrong use (--module %s --moduleResolution %s %j)",
  (module, resolution, more) => {
    const { stdout } = spawnSync(
      process.execPath,
      [
        join(root, "node_modules/typescript/bin/tsc"),
        "--noEmit",
        "--strict",
        "--preserveSymlinks",
        "--target",
        "es2024",
        "--types",
        "node",
        "--module",
        module,
        "--moduleResolution",
        resolution,
        ...more,
        "program.ts",
      ],
      { cwd: folder, encoding: "utf8" },
    );
    const refused = [...stdout.matchAll(/^program\.ts\((\d+),/gm)].map(([, line]) => Number(line));
    const wrong = program
      .split("\n")
      .flatMap((line, i) => (line.endsWith("// wrong") ? [i + 1] : []));
    expect(
      stdout.split("\n").filter((line) => /^\S/.test(line) && !line.startsWith("program.ts")),
    ).toEqual([]);
    expect([...new Set(refused)]).toEqual(wrong);
  },
  60_000,
);
