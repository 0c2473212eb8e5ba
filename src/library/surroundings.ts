import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { realHost } from "../io/real-host.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import {
  callback,
  InvalidArgument,
  kindOf,
  path,
  variables,
  type Check,
  type Checks,
} from "./argument.ts";

/** What a function takes from its environment. Each option replaces the process's own. */
export interface Surroundings {
  /** Environment variables, such as `SOPS_AGE_KEY_FILE`, `AWS_PROFILE` or `SOPS_CONFIG`. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The directory that relative paths start from, and from which `.sops.yaml` is searched for upwards. Default: the working directory. */
  cwd?: string | URL | undefined;
  /** The time to write into files, and to date keys with. Default: the system's time. */
  now?: (() => Date) | undefined;
  /** Reads sources, configuration and key files, by their absolute path. Default: reads from the disk. */
  readFile?: ((path: string) => Uint8Array | string | Promise<Uint8Array | string>) | undefined;
  /**
   * Answers a question, such as the one for the passphrase of a key file; `undefined` means no answer. `false`: nothing is asked. Default:
   * asks on the terminal, if there is one.
   */
  prompt?:
    | false
    | ((question: string) => string | undefined | Promise<string | undefined>)
    | undefined;
  /** Called with one line for each warning that the command would print. Default: warnings are dropped. */
  onWarning?: ((message: string) => void) | undefined;
}

const prompt: Check = (value, at) => {
  if (value !== false && typeof value !== "function")
    throw new InvalidArgument(at, `expected a function or false, not ${kindOf(value)}`);
};

export const surroundingsChecks: Checks & { readonly now: Check } = {
  env: variables,
  cwd: path,
  now: callback,
  readFile: callback,
  prompt,
  onWarning: callback,
};

/** The host that these options describe. The options are checked already. */
export function hostOf(
  options: Surroundings & { identities?: string | readonly string[] | undefined },
): Host {
  const host = realHost();
  const env = options.env ?? host.env;
  const cwd =
    options.cwd === undefined ? host.cwd : fixed(resolve(host.cwd(), pathOf(options.cwd)));
  const { readFile, now, identities } = options;
  return {
    ...host,
    env,
    cwd,
    ...(now === undefined ? {} : { now: () => instant(now()) }),
    readFile:
      readFile === undefined
        ? (file, limits) => host.readFile(resolve(cwd(), file), limits)
        : async (file) => bytesFrom(await readFile(resolve(cwd(), file))),
    fetch: async (request) => (await import("../io/http.ts")).send(request, env),
    ...promptsOf(options.prompt),
    warn: (message) => options.onWarning?.(message),
    identities: named(identities),
  };
}

const fixed =
  <T>(value: T) =>
  (): T =>
    value;

function named(identities: string | readonly string[] | undefined): Host["identities"] {
  if (identities === undefined) return undefined;
  return typeof identities === "string"
    ? [{ name: "options.identities", text: identities }]
    : identities.map((text, i) => ({ name: `options.identities[${i}]`, text }));
}

function instant(date: unknown): Date {
  if (date instanceof Date && !Number.isNaN(date.getTime())) return date;
  throw new InvalidArgument("options.now", `expected it to return a Date, not ${kindOf(date)}`);
}

function bytesFrom(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return content;
  if (typeof content === "string") return Buffer.from(content, "utf8");
  throw new InvalidArgument(
    "options.readFile",
    `expected it to return text or a Uint8Array, not ${kindOf(content)}`,
  );
}

function promptsOf(answer: Surroundings["prompt"]): Partial<Host> {
  if (answer === undefined) return {};
  if (answer === false) {
    const nothing = () => Promise.resolve(undefined);
    return { promptSecret: nothing, promptLine: nothing, promptKey: nothing };
  }
  const ask = async (question: string): Promise<string | undefined> => {
    const said: unknown = await answer(question.trim());
    if (said === undefined || typeof said === "string") return said;
    throw new InvalidArgument(
      "options.prompt",
      `expected it to return text or undefined, not ${kindOf(said)}`,
    );
  };
  return { promptSecret: ask, promptLine: ask, promptKey: ask };
}

/** A path as text. */
export function pathOf(path: string | URL): string {
  if (typeof path === "string") return path;
  try {
    return fileURLToPath(path);
  } catch (cause) {
    throw new InvalidArgument("path", "this file: URL does not name a file on this system", {
      cause,
    });
  }
}

/**
 * A file's content.
 *
 * @throws {SopsmithError} exit 2 for a file that is not there or cannot be read
 */
export async function readSource(path: string, host: Host): Promise<Uint8Array> {
  try {
    return await host.readFile(path);
  } catch (cause) {
    if (cause instanceof SopsmithError || systemCode(cause) === undefined) throw cause;
    const isGone = systemCode(cause) === "ENOENT";
    throw new SopsmithError(
      "unreadable",
      2,
      `cannot read ${JSON.stringify(path)}: ${systemReason(cause)}`,
      {
        hint: isGone
          ? "A relative path starts from the working directory, or from `cwd`."
          : undefined,
        cause,
        file: path,
      },
    );
  }
}
