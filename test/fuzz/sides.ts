// The two programs that are compared, each behind the same functions.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FormatName } from "../../formats/format.ts";
import { decryptSource } from "../../src/decrypt.ts";
import { changeSource, type Change } from "../../src/change.ts";
import { encryptSource } from "../../src/encrypt.ts";
import { SopsmithError } from "../../src/errors.ts";
import type { Chunks } from "../../formats/format.ts";
import type { Host } from "../../src/io/host.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { age } from "../../src/keys/age/age.ts";
import type { Selector } from "../../src/metadata/selection.ts";
import { counterpart } from "../counterparts.ts";
import { joinChunks } from "../../src/tree/long-text.ts";

/** What one run gave. `exit` is 0 with the output, or the exit status with what was said. */
export interface Outcome {
  exit: number;
  out: Buffer;
  said: string;
}

/** How a document is encrypted. */
export interface Settings {
  selector?: Selector;
  macOnlyEncrypted?: boolean;
  /** How many recipients, 1 to 3. */
  recipients?: number;
}

const keyFolder = join(import.meta.dirname, "../../fixtures/golden/keys");
const keys = ["a", "b", "c"].map((name) => {
  const text = readFileSync(join(keyFolder, `${name}.txt`), "utf8");
  const [recipient = ""] = /age1[0-9a-z]+/.exec(text) ?? [];
  const [identity = ""] = /AGE-SECRET-KEY-1[0-9A-Z]+/.exec(text) ?? [];
  return { recipient, identity };
});
const identity = keys[0]?.identity ?? "";

const recipientsOf = ({ recipients = 1 }: Settings): string =>
  // The identity at hand is the last one of the file.
  keys
    .slice(0, recipients)
    .map((key) => key.recipient)
    .reverse()
    .join(",");

// ---- real sops --------------------------------------------------------------

const environment = {
  HOME: "/nonexistent",
  LANG: "C.UTF-8",
  SOPS_DISABLE_VERSION_CHECK: "1",
  SOPS_AGE_KEY: identity,
};

const limit = 2;
let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}

function runSops(
  argv: readonly string[],
  input: Uint8Array,
  program: "sops" | "sops311" = "sops",
): Promise<Outcome> {
  return inTurn(
    () =>
      new Promise((resolve, reject) => {
        const child = spawn(counterpart(program), argv, { env: environment, cwd: tmpdir() });
        const out: Buffer[] = [];
        const said: Buffer[] = [];
        child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
        child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
        child.on("error", reject);
        // sops may end before it has read everything.
        child.stdin.on("error", () => undefined);
        child.on("close", (status) =>
          resolve({
            exit: status ?? -1,
            out: Buffer.concat(out),
            said: Buffer.concat(said).toString(),
          }),
        );
        child.stdin.end(input);
      }),
  );
}

const named: Record<FormatName, string> = {
  yaml: "f.yaml",
  json: "f.json",
  dotenv: "f.env",
  ini: "f.ini",
  binary: "f.bin",
};

/** Comment patterns can only be given to sops in a configuration file. */
async function withConfig<T>(
  settings: Settings,
  run: (options: string[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "sops-config-"));
  try {
    const rule = {
      age: recipientsOf(settings),
      ...(settings.selector ? { [settings.selector.name]: settings.selector.value } : {}),
      ...(settings.macOnlyEncrypted ? { mac_only_encrypted: true } : {}),
    };
    writeFileSync(join(folder, "config.yaml"), JSON.stringify({ creation_rules: [rule] }));
    return await run(["--config", join(folder, "config.yaml")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Decrypts with sops 3.11.0, which must go on reading what sopsmith writes. */
export const decryptWithSops311 = (source: Uint8Array, format: FormatName): Promise<Outcome> =>
  runSops(["decrypt", "--filename-override", named[format]], source, "sops311");

/** Real sops. */
export const sops = {
  encrypt(source: Uint8Array, format: FormatName, settings: Settings): Promise<Outcome> {
    const { selector, macOnlyEncrypted = false } = settings;
    const argv = ["encrypt", "--age", recipientsOf(settings), "--filename-override", named[format]];
    if (macOnlyEncrypted || selector?.name.includes("comment")) {
      return withConfig(settings, (config) =>
        runSops([...config, "encrypt", "--filename-override", named[format]], source),
      );
    }
    if (selector) argv.push(`--${selector.name.replaceAll("_", "-")}`, selector.value);
    return runSops(argv, source);
  },
  decrypt(source: Uint8Array, format: FormatName): Promise<Outcome> {
    return runSops(["decrypt", "--filename-override", named[format]], source);
  },
  /** `set` or `unset`: the changed file. */
  async change(
    source: Uint8Array,
    format: FormatName,
    argv: readonly [command: "set" | "unset", ...rest: string[]],
  ): Promise<Outcome> {
    const folder = mkdtempSync(join(tmpdir(), "sops-change-"));
    const file = join(folder, named[format]);
    try {
      writeFileSync(file, source);
      const outcome = await runSops([argv[0], file, ...argv.slice(1)], Buffer.alloc(0));
      return { ...outcome, out: readFileSync(file) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

// ---- sopsmith ---------------------------------------------------------------

const host: Host = {
  env: { SOPS_AGE_KEY: identity },
  platform: process.platform,
  cwd: () => tmpdir(),
  now: () => new Date(),
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  readFile: (path) =>
    Promise.reject(Object.assign(new Error(`no file ${path} here`), { code: "ENOENT" })),
  run: () => Promise.reject(Object.assign(new Error("no programs here"), { code: "ENOENT" })),
  fetch: () => Promise.reject(new Error("no network here")),
  spawn: () => Promise.reject(new Error("no programs here")),
  connect: () => Promise.reject(new Error("no sockets here")),
  accountHome: () => undefined,
  promptLine: () => Promise.resolve(undefined),
  promptKey: () => Promise.resolve(undefined),
  terminalName: () => Promise.resolve(undefined),
  promptSecret: () => Promise.resolve(undefined),
  warn: () => undefined,
};

const silent = (): void => undefined;

async function outcomeOf(run: () => Promise<Chunks | undefined>): Promise<Outcome> {
  try {
    const chunks = (await run()) ?? [];
    return { exit: 0, out: joinChunks(chunks), said: "" };
  } catch (error) {
    // Anything but the program's own errors is a defect, and is shown as one.
    if (!(error instanceof SopsmithError)) throw error;
    return { exit: error.exitCode, out: Buffer.alloc(0), said: error.message };
  }
}

const services = [localKeyService];

/** sopsmith, called in process. */
export const sopsmith = {
  encrypt(source: Uint8Array, format: FormatName, settings: Settings): Promise<Outcome> {
    return outcomeOf(async () => {
      const group = await age.parse(recipientsOf(settings), host);
      const common = { file: named[format], input: format, output: format, services, warn: silent };
      const selectors = settings.selector ? [settings.selector] : [];
      return encryptSource(
        source,
        {
          ...common,
          keyGroups: [group],
          threshold: 0,
          selectors,
          macOnlyEncrypted: settings.macOnlyEncrypted ?? false,
        },
        host,
      );
    });
  },
  decrypt(source: Uint8Array, format: FormatName): Promise<Outcome> {
    const options = {
      file: named[format],
      input: format,
      output: format,
      order: ["age"],
      services,
      warn: silent,
    };
    return outcomeOf(() => decryptSource(source, options, host));
  },
  change(source: Uint8Array, format: FormatName, change: Change): Promise<Outcome> {
    return outcomeOf(() =>
      changeSource(
        source,
        {
          file: named[format],
          input: format,
          output: format,
          order: ["age"],
          services,
          warn: silent,
        },
        change,
        host,
      ),
    );
  },
};
