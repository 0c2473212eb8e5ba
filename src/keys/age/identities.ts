import type { Host } from "../../io/host.ts";
import { Bech32Error, decodeBech32 } from "./bech32.ts";
import { defaultKeyFile, NoDefaultKeyFile } from "./default-key-file.ts";
import type { AgeIdentity } from "./identity.ts";
import { Once } from "../once.ts";
import { pluginName } from "./plugin-name.ts";
import { openSource, readIfThere, runForKey, SourceError } from "./source.ts";

/** Where age identities come from (spec keys 2.3–2.4). Every source is read, none stops the search. */

export interface AgeIdentities {
  identities: AgeIdentity[];
  /** What went wrong with sources that are there. */
  errors: string[];
  /** Names of the sources that are not set, or that hold no identity. */
  unused: string[];
  /** Every source looked at with what was found there, in order: for the report. */
  looked: string[];
  /** Names of the sources that could not be used. */
  broken: string[];
  /** What is wrong with them, as whole sentences, where a common mistake was recognised. */
  advice: string[];
}

/** Most that an encrypted identity file may hold. */
const SIZE_LIMIT = 16 * 1024 * 1024;

/** What a source gave; undefined when it is not there. */
type Outcome =
  | { identities: AgeIdentity[] }
  | { error: string; advice: string | undefined }
  | undefined;

interface Source {
  /** As the report lists it. */
  readonly name: string;
  readonly absent: string;
  /** It may give another identity for another recipient. */
  readonly asksForRecipient?: boolean;
  read(recipient: string): Promise<AgeIdentity[] | undefined>;
}

const outcomes = new Once<Outcome>();

/**
 * Every source's identities, in order. A source is read once for a host; a command once for each recipient, which it
 * gets as SOPS_AGE_RECIPIENT.
 */
export async function findAgeIdentities(recipient: string, host: Host): Promise<AgeIdentities> {
  const found: AgeIdentities = {
    identities: [],
    errors: [],
    unused: [],
    looked: [],
    broken: [],
    advice: [],
  };
  const empty: string[] = [];
  let hadText = false;
  const look = async (source: Source): Promise<boolean> => {
    const { name, absent } = source;
    const once = source.asksForRecipient === true ? `${name} ${recipient}` : name;
    const outcome = await outcomes.get(host, once, () => outcomeOf(source, recipient));
    if (outcome === undefined) {
      found.looked.push(`${name}: ${absent}`);
      return false;
    }
    if ("error" in outcome) {
      found.errors.push(outcome.error);
      if (outcome.advice !== undefined) found.advice.push(outcome.advice);
      found.broken.push(name);
      found.looked.push(`${name}: could not be used`);
      return true;
    }
    const { identities } = outcome;
    hadText = true;
    if (identities.length === 0) empty.push(name);
    for (const one of identities) found.identities.push(one);
    found.looked.push(
      `${name}: ${identities.length === 1 ? "1 identity" : `${identities.length} identities`}`,
    );
    return true;
  };

  for (const source of sources(host)) if (!(await look(source))) found.unused.push(source.name);
  try {
    const path = defaultKeyFile(host);
    const isThere = await look({
      name: path,
      absent: "no such file",
      async read() {
        const content = await readIfThere(path, host);
        return content && parseIdentities(content, path, { words: false });
      },
    });
    if (!isThere && !hadText) found.unused.push(path);
  } catch (error) {
    if (!(error instanceof NoDefaultKeyFile)) throw error;
    found.errors.push(error.message);
  }
  for (const one of empty) found.unused.push(one);
  return found;
}

async function outcomeOf(source: Source, recipient: string): Promise<Outcome> {
  try {
    const identities = await source.read(recipient);
    return identities && { identities };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const { message, unknown } = error;
    const advice =
      unknown && (await import("./mistakes.ts")).mistakeIn(unknown.text, unknown.where);
    return { error: message, advice: advice ?? error.advice };
  }
}

/** All but the default key file, in order (spec keys 2.3). */
function sources(host: Host): Source[] {
  const variable = (
    name: string,
    read: (value: string, recipient: string) => Promise<AgeIdentity[]>,
    asksForRecipient = false,
  ): Source => ({
    name,
    absent: "not set",
    asksForRecipient,
    async read(recipient) {
      const value = host.env[name];
      return value === undefined ? undefined : read(value, recipient);
    },
  });
  const run = (name: string, command: string, recipient: string) =>
    runForKey(command, name, { ...host.env, SOPS_AGE_RECIPIENT: recipient }, host);
  const [sshFile, sshCommand, key, keyFile, keyCommand] = [
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_KEY_CMD",
  ];
  const given = (host.identities ?? []).map(({ name, text }): Source => ({
    name,
    absent: "not given",
    read: async () => parseIdentities(Buffer.from(text), name, { words: true }),
  }));
  return [
    ...given,
    variable(sshFile, async (path) => {
      refuseIdentity(path, sshFile);
      const content = await openSource(path, "failed to open file", host, sshFile);
      return (await import("./ssh-source.ts")).readSshFile(content, path, host);
    }),
    variable(
      sshCommand,
      async (command, recipient) => {
        const content = await run(sshCommand, command, recipient);
        return (await import("./ssh-source.ts")).readSshOutput(content);
      },
      true,
    ),
    ...["id_ed25519", "id_rsa"].map((file) => sshHomeFile(file, host)),
    variable(key, async (text) => parseIdentities(Buffer.from(text), key, { words: true })),
    variable(keyFile, async (path) => {
      refuseIdentity(path, keyFile);
      const content = await openSource(
        path,
        "failed to open SOPS_AGE_KEY_FILE file",
        host,
        keyFile,
      );
      return parseIdentities(content, keyFile, { words: false });
    }),
    variable(
      keyCommand,
      async (command, recipient) =>
        parseIdentities(await run(keyCommand, command, recipient), keyCommand, { words: false }),
      true,
    ),
  ];
}

function sshHomeFile(file: string, host: Host): Source {
  const home = host.env[host.platform === "win32" ? "USERPROFILE" : "HOME"];
  const path = `${home || "~"}/.ssh/${file}`;
  return {
    name: path,
    absent: home ? "no such file" : "the home directory is unknown",
    async read() {
      const content = home ? await readIfThere(path, host) : undefined;
      return content && (await import("./ssh-source.ts")).readSshFile(content, path, host);
    },
  };
}

function refuseIdentity(path: string, variable: string): void {
  if (/AGE-(SECRET-KEY|PLUGIN)-/i.test(path))
    throw new SourceError(
      `failed to open ${variable} file: it holds an identity instead of a path; put identities into SOPS_AGE_KEY`,
      `${variable} holds an identity instead of a path; put it into SOPS_AGE_KEY.`,
    );
  if (path.includes("-----BEGIN "))
    throw new SourceError(`failed to open ${variable} file: it holds a key instead of a path`);
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
    if (content.length > SIZE_LIMIT) throw unreadable(location, "it is larger than 16 MiB");
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
        throw unreadable(location, `${identity} (line ${index + 1})`, whole);
      identities.push(identity);
    }
  }
  return identities;
}

/**
 * What is wrong with identities that the caller holds, as text; undefined where nothing is.
 *
 * @param location what messages call them
 */
export function problemWith(text: string, location: string): string | undefined {
  try {
    const found = parseIdentities(Buffer.from(text), location, { words: true });
    return found.length === 0 ? "it holds no identity" : undefined;
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return error.message;
  }
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
    if (isPlugin) {
      const name = /^age-plugin-(.*)-$/.exec(prefix)?.[1];
      return name !== undefined && pluginName(name) !== undefined
        ? { kind: "plugin", name, text, location }
        : "malformed plugin identity: invalid plugin name";
    }
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

function unreadable(location: string, reason: string, unknown?: string): SourceError {
  const error = new SourceError(`failed to parse '${location}' age identities: ${reason}`);
  if (unknown !== undefined) error.unknown = { text: unknown, where: location };
  return error;
}
