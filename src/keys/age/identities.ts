import type { Host } from "../../io/host.ts";
import { defaultKeyFile, NoDefaultKeyFile } from "./default-key-file.ts";
import { Bech32Error, decodeBech32 } from "./bech32.ts";
import { splitWords, UnsplittableText } from "../../io/words.ts";

/**
 * Where age identities come from (spec keys 2.3–2.4). Every source is read, none stops the search. SSH keys are no
 * source in this version.
 */

/** One identity, with the source's name for messages: a variable's name, or the default file's path. */
export type AgeIdentity =
  /** X25519 or post-quantum: the text is the private key. */
  | { kind: "native"; text: string; location: string }
  | { kind: "plugin"; location: string }
  /** A passphrase-protected identity file, binary or armored. */
  | { kind: "encrypted"; file: Uint8Array; location: string };

export interface AgeIdentities {
  identities: AgeIdentity[];
  /** What went wrong with sources that are there. */
  errors: string[];
  /** Names of the sources that are not set, or that hold no identity. */
  unused: string[];
  /** Every source looked at with what was found there, in order: for the report. */
  looked: string[];
}

/** Most that an encrypted identity file may hold. */
const sizeLimit = 16 * 1024 * 1024;

/** A source that is there but cannot be used: the message is for the report, and holds nothing of the content. */
class SourceError extends Error {}

/**
 * @param recipient handed to the command of SOPS_AGE_KEY_CMD as SOPS_AGE_RECIPIENT
 */
export async function findAgeIdentities(recipient: string, host: Host): Promise<AgeIdentities> {
  const found: AgeIdentities = { identities: [], errors: [], unused: [], looked: [] };
  const empty: string[] = [];
  let hadText = false;

  /** Reads one source; `read` gives undefined when the source is not there. */
  const look = async (
    name: string,
    absent: string,
    read: () => Promise<Source | undefined>,
  ): Promise<boolean> => {
    try {
      const source = await read();
      if (source === undefined) {
        found.looked.push(`${name}: ${absent}`);
        return false;
      }
      hadText = true;
      const identities = parseIdentities(source.content, name, source);
      if (identities.length === 0) empty.push(name);
      found.identities.push(...identities);
      found.looked.push(
        `${name}: ${identities.length === 1 ? "1 identity" : `${identities.length} identities`}`,
      );
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      found.errors.push(error.message);
      found.looked.push(`${name}: could not be used`);
    }
    return true;
  };

  for (const [name, read] of variableSources) {
    const value = host.env[name];
    const isThere = await look(name, "not set", async () =>
      value === undefined
        ? undefined
        : { content: await read(value, recipient, host), words: name === "SOPS_AGE_KEY" },
    );
    if (!isThere) found.unused.push(name);
  }
  try {
    const path = defaultKeyFile(host);
    const isThere = await look(path, "no such file", async () => {
      const content = await readIfThere(path, host);
      return content === undefined ? undefined : { content, words: false };
    });
    if (!isThere && !hadText) found.unused.push(path);
  } catch (error) {
    if (!(error instanceof NoDefaultKeyFile)) throw error;
    found.errors.push(error.message);
  }
  found.unused.push(...empty);
  return found;
}

interface Source {
  content: Uint8Array;
  /** Several identities may stand on one line. */
  words: boolean;
}

const variableSources: readonly [
  string,
  (value: string, recipient: string, host: Host) => Promise<Uint8Array>,
][] = [
  ["SOPS_AGE_KEY", (value) => Promise.resolve(Buffer.from(value))],
  ["SOPS_AGE_KEY_FILE", readKeyFile],
  ["SOPS_AGE_KEY_CMD", runKeyCommand],
];

async function readKeyFile(path: string, _recipient: string, host: Host): Promise<Uint8Array> {
  const failed = "failed to open SOPS_AGE_KEY_FILE file";
  if (/AGE-(SECRET-KEY|PLUGIN)-/i.test(path)) {
    throw new SourceError(
      `${failed}: it holds an identity instead of a path; put identities into SOPS_AGE_KEY`,
    );
  }
  try {
    return await host.readFile(path);
  } catch (error) {
    throw new SourceError(`${failed}: open ${path}: ${systemReason(error)}`);
  }
}

async function runKeyCommand(command: string, recipient: string, host: Host): Promise<Uint8Array> {
  // The command's words may hold a password, so no message shows them.
  const failed = "failed to execute command of SOPS_AGE_KEY_CMD";
  let argv: string[];
  try {
    argv = splitWords(command);
  } catch (error) {
    if (!(error instanceof UnsplittableText)) throw error;
    throw new SourceError(`failed to parse command of SOPS_AGE_KEY_CMD: ${error.message}`);
  }
  if (argv.length === 0 || argv[0] === "") throw new SourceError(`${failed}: it names no program`);
  try {
    const { stdout, status, signal } = await host.run(argv, {
      ...host.env,
      SOPS_AGE_RECIPIENT: recipient,
    });
    if (status === 0) return stdout;
    throw new SourceError(
      `${failed}: ${status === undefined ? `signal: ${signal}` : `exit status ${status}`}`,
    );
  } catch (error) {
    if (error instanceof SourceError) throw error;
    const reason =
      errorCode(error) === "ENOENT" ? "executable file not found in $PATH" : systemReason(error);
    throw new SourceError(`${failed}: ${reason}`);
  }
}

async function readIfThere(path: string, host: Host): Promise<Uint8Array | undefined> {
  try {
    return await host.readFile(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT") return undefined;
    throw new SourceError(`failed to open file: open ${path}: ${systemReason(error)}`);
  }
}

/**
 * The identities in a text (spec keys 2.4). Lines are not trimmed; one bad line voids the source.
 *
 * @throws {SourceError} naming the line's number, never its text
 */
function parseIdentities(
  content: Uint8Array,
  location: string,
  { words }: { words: boolean },
): AgeIdentity[] {
  const start = Buffer.from(content.subarray(0, 14)).toString("latin1");
  if (start === "age-encryption" || start === "-----BEGIN AGE") {
    if (content.length > sizeLimit) throw unreadable(location, "it is larger than 16 MiB");
    return [{ kind: "encrypted", file: content, location }];
  }
  const identities: AgeIdentity[] = [];
  const lines = Buffer.from(content).toString("utf8").split("\n");
  for (const [index, line] of lines.entries()) {
    const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (whole === "" || whole.startsWith("#")) continue;
    for (const text of words ? whole.split(/\s+/).filter((word) => word !== "") : [whole]) {
      const identity = parseIdentity(text, location);
      if (typeof identity === "string")
        throw unreadable(location, `${identity} (line ${index + 1})`);
      identities.push(identity);
    }
  }
  return identities;
}

/** The identities in a decrypted identity file, which holds native ones only. */
export function parseDecryptedIdentities(
  content: Uint8Array,
  location: string,
): string[] | undefined {
  try {
    const identities = parseIdentities(content, location, { words: false });
    return identities.every((identity) => identity.kind === "native")
      ? identities.map(({ text }) => text)
      : undefined;
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}

/** One identity, or what is wrong with it. */
function parseIdentity(text: string, location: string): AgeIdentity | string {
  const isPlugin = text.startsWith("AGE-PLUGIN-");
  const native = nativePrefixes.find((prefix) => text.startsWith(`${prefix}1`));
  if (native === undefined && !isPlugin) return "unknown identity type";
  try {
    const { prefix, bytes } = decodeBech32(text);
    if (isPlugin) return { kind: "plugin", location };
    const isRight = prefix.toUpperCase() === native && bytes.length === 32;
    bytes.fill(0);
    return isRight
      ? { kind: "native", text, location }
      : "malformed secret key: wrong length or type";
  } catch (error) {
    if (!(error instanceof Bech32Error)) throw error;
    return `malformed secret key: ${error.message}`;
  }
}

const nativePrefixes = ["AGE-SECRET-KEY-PQ-", "AGE-SECRET-KEY-"];

function unreadable(location: string, reason: string): SourceError {
  return new SourceError(`failed to parse '${location}' age identities: ${reason}`);
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** A system error in the words of sops; never its message, which may quote more than the path. */
function systemReason(error: unknown): string {
  const code = errorCode(error);
  const known: Record<string, string> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EISDIR: "is a directory",
    ENOTDIR: "not a directory",
  };
  return (code === undefined ? undefined : known[code]) ?? code ?? "it could not be read";
}
