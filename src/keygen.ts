import { defaultKeyFile } from "./keys/age/default-key-file.ts";
import { ConflictError, SopsmithError } from "./errors.ts";
import { namedFile, type Host } from "./io/host.ts";
import type { SshPublicKey } from "./keys/age/ssh.ts";

export interface KeygenOptions {
  /** A file to make, instead of stdout. */
  readonly output?: string | undefined;
  /** Print the recipients of the identities in `input` (stdin when absent or `-`) instead of making a key. */
  readonly convert?: { readonly input?: string | undefined } | undefined;
  /** Print the recipients derived from the Ed25519 SSH keys in `input`, private or public, as ssh-to-age does. */
  readonly fromSsh?: { readonly input?: string | undefined } | undefined;
  /** Make a post-quantum key. */
  readonly pq?: boolean;
  /** Append to the key file that sopsmith and sops read by themselves. */
  readonly default?: boolean;
  readonly noAtomic?: boolean;
}

/** The files and streams that keys come from and go to. */
export interface KeygenFiles {
  readStdin(): Promise<Uint8Array>;
  /** Makes a file that must not exist, for this user alone; leaves nothing behind when `text` fails. */
  createPrivateFile(path: string, text: () => Promise<string>): Promise<void>;
  /** Adds lines to a file that may not exist. */
  appendToKeyFile(
    path: string,
    lines: string,
    options: { noAtomic: boolean },
  ): Promise<{ hadContent: boolean; isOpenToOthers: boolean }>;
  describeStdout(): { isTerminal: boolean; isWorldReadable: boolean };
}

/** A key that was made or read. */
export interface KeyReport {
  readonly recipient: string;
  /** Of a new key that went to no file. */
  readonly identity?: string;
  /** Where the result was written. */
  readonly file?: string;
}

export interface KeygenResult {
  readonly stdout: string;
  /** The same for programs. */
  readonly keys: readonly KeyReport[];
  /** Lines for the user, on stderr. */
  readonly warnings: readonly string[];
  /** Lines for the user, on stderr. */
  readonly notes: readonly string[];
}

/**
 * Makes an age key, or lists the recipients of existing ones: what `age-keygen` does, in its file layout.
 *
 * @throws {ConflictError} for options that cannot be used together
 * @throws {SopsmithError} exit 1
 */
export async function keygen(
  options: KeygenOptions,
  host: Host,
  files: KeygenFiles,
): Promise<KeygenResult> {
  refuseContradictions(options);
  const { output, convert, fromSsh } = options;
  const file = output === undefined ? {} : { file: output };
  const given = convert ?? fromSsh;
  if (given !== undefined) {
    let recipients: readonly string[] = [];
    const warnings: string[] = [];
    const stdout = await deliver(output, files, async () => {
      const content = await readInput(given.input, host, files);
      recipients =
        convert === undefined
          ? await derivedRecipients(content, warnings)
          : await recipientsOf(content, nameOf(given.input), host);
      return recipients.map((recipient) => `${recipient}\n`).join("");
    });
    const keys = recipients.map((recipient) => ({ recipient, ...file }));
    return { stdout, keys, warnings, notes: [] };
  }
  if (options.default === true) return addDefaultKey(options, host, files);

  let key: NewKey | undefined;
  const stdout = await deliver(output, files, async () => {
    key = await createKey(options.pq === true, host);
    return key.text;
  });
  const { recipient = "", identity = "" } = key ?? {};
  const { isTerminal, isWorldReadable } = files.describeStdout();
  const toFile = output !== undefined;
  return {
    stdout,
    keys: [{ recipient, ...(toFile ? file : { identity }) }],
    warnings:
      !toFile && isWorldReadable ? ["warning: writing secret key to a world-readable file"] : [],
    // On a terminal the line is there already, as a comment of the file.
    notes: toFile || !isTerminal ? [`Public key: ${recipient}`] : [],
  };
}

function refuseContradictions(options: KeygenOptions): void {
  if (options.convert !== undefined && options.pq === true)
    throw new ConflictError("-pq and -y cannot be used together", {
      hint: "-y prints the recipients of existing keys.",
    });
  if (
    options.fromSsh !== undefined &&
    (options.convert !== undefined || options.pq === true || options.default === true)
  )
    throw new ConflictError("--from-ssh cannot be used together with -y, -pq or --default", {
      hint: "--from-ssh prints the recipients that belong to SSH keys.",
    });
  if (options.default === true && (options.convert !== undefined || options.output !== undefined))
    throw new ConflictError("--default cannot be used together with -o or -y", {
      hint: "--default uses the default key file and adds a new key to it.",
    });
}

/** @returns what is for stdout */
async function deliver(
  output: string | undefined,
  files: KeygenFiles,
  text: () => Promise<string>,
): Promise<string> {
  if (output === undefined) return text();
  await files.createPrivateFile(output, text);
  return "";
}

async function addDefaultKey(
  options: KeygenOptions,
  host: Host,
  files: KeygenFiles,
): Promise<KeygenResult> {
  const path = defaultKeyFile(host);
  const { text, recipient } = await createKey(options.pq === true, host);
  const { hadContent, isOpenToOthers } = await files.appendToKeyFile(path, text, {
    noAtomic: options.noAtomic === true,
  });
  return {
    // For RECIPIENT=$(sopsmith keygen --default).
    stdout: `${recipient}\n`,
    keys: [{ recipient, file: path }],
    warnings: isOpenToOthers
      ? [`warning: other users may be able to read ${path}; chmod 600 it`]
      : [],
    notes: [
      `The key was ${hadContent ? "added to" : "written to"} ${path}, where sopsmith and sops look by default.`,
      "Keep a copy of it in a safe place: nobody can open your files without it.",
      `Next: sopsmith encrypt --age ${recipient} --in-place secrets.yaml`,
    ],
  };
}

export interface NewKey {
  /** age-keygen's file layout. */
  readonly text: string;
  readonly identity: string;
  readonly recipient: string;
}

/** Makes a key, which is kept nowhere. */
export async function createKey(isPostQuantum: boolean, host: Host): Promise<NewKey> {
  const age = await import("age-encryption");
  const identity = await (isPostQuantum
    ? age.generateHybridIdentity()
    : age.generateX25519Identity());
  const recipient = await age.identityToRecipient(identity);
  return {
    text: `# created: ${localTime(host.now())}\n# public key: ${recipient}\n${identity}\n`,
    identity,
    recipient,
  };
}

/** RFC 3339 in the local time zone, to the second. */
function localTime(now: Date): string {
  const offset = -now.getTimezoneOffset();
  const local = new Date(now.getTime() + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const minutes = Math.abs(offset);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

async function readInput(
  input: string | undefined,
  host: Host,
  files: KeygenFiles,
): Promise<Uint8Array> {
  if (input === undefined || input === "-") return files.readStdin();
  try {
    return await host.readFile(input, namedFile);
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const reason = missing ? "no such file or directory" : "it cannot be read";
    throw new SopsmithError(
      "unreadable-key-file",
      1,
      `failed to open input file "${input}": ${reason}`,
      { cause: error, file: input },
    );
  }
}

const nameOf = (input: string | undefined): string =>
  input === undefined || input === "-" ? "<stdin>" : input;

/**
 * The recipients of an identity file, also of one that a passphrase protects, which is asked for; or that of an SSH
 * private key.
 *
 * @throws {SopsmithError} exit 1, naming the line without its text
 */
async function recipientsOf(
  file: Uint8Array,
  name: string,
  host: Host,
): Promise<readonly string[]> {
  const text = Buffer.from(file).toString("utf8");
  if (isPrivatePem(text)) return [await sshRecipient(file)];
  const recipients = /^(?:age-encryption|-----BEGIN AGE)/.test(text)
    ? await Promise.all((await openIdentityFile(file, name, host)).map(nativeRecipient))
    : await listedRecipients(text);
  if (recipients.length === 0) throw badInput("no secret keys found");
  return recipients;
}

async function listedRecipients(text: string): Promise<string[]> {
  const recipients: string[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const identity = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (identity === "" || identity.startsWith("#")) continue;
    if (identity.startsWith("AGE-PLUGIN-"))
      throw badInput(
        `error at line ${i + 1}: this is the identity of an age plugin`,
        "The plugin prints its recipient.",
      );
    try {
      if (/^(?:age1|ssh-)/.test(identity))
        throw badInput(`error at line ${i + 1}: it is a recipient, not an identity`);
      if (!/^AGE-SECRET-KEY-(?:PQ-)?1/.test(identity)) throw new Error("other prefix");
      recipients.push(await nativeRecipient(identity));
    } catch (error) {
      if (error instanceof SopsmithError) throw error;
      // Without the cause: a library's message might hold the line.
      throw badInput(`error at line ${i + 1}: malformed secret key`);
    }
  }
  return recipients;
}

async function nativeRecipient(identity: string): Promise<string> {
  const { identityToRecipient } = await import("age-encryption");
  return identityToRecipient(identity);
}

async function openIdentityFile(
  file: Uint8Array,
  name: string,
  host: Host,
): Promise<readonly string[]> {
  const library = await import("age-encryption");
  const { decryptIdentityFile } = await import("./keys/age/encrypted-file.ts");
  const { IdentityFailure } = await import("./keys/age/identity-failure.ts");
  try {
    return await decryptIdentityFile(library, { file, location: name }, host);
  } catch (error) {
    if (!(error instanceof IdentityFailure)) throw error;
    throw badInput(error.message, `To continue, ${error.remedy}.`);
  }
}

const isPrivatePem = (text: string): boolean => /^\s*-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);

/**
 * The age recipients derived from Ed25519 SSH keys: a private key's file, or public keys as in a `.pub` file or printed
 * by ssh-keyscan.
 *
 * @param warnings gets a line for each key of another type
 * @throws {SopsmithError} exit 1
 */
async function derivedRecipients(file: Uint8Array, warnings: string[]): Promise<readonly string[]> {
  const { derivedRecipient } = await import("./keys/age/ssh-derived.ts");
  const { parseSshPublicKey, SshKeyError } = await import("./keys/age/ssh.ts");
  const text = Buffer.from(file).toString("utf8");
  if (isPrivatePem(text)) {
    const recipient = derivedRecipient(await sshPublicHalf(file));
    if (recipient === undefined) throw badInput("only Ed25519 keys have an age recipient");
    return [recipient];
  }
  const recipients: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [key] = /(?<=^|\s)ssh-ed25519\s+\S+/.exec(trimmed) ?? [];
    try {
      const recipient = key === undefined ? undefined : derivedRecipient(parseSshPublicKey(key));
      if (recipient === undefined)
        warnings.push(`line ${index + 1} is skipped: it is not an Ed25519 SSH key`);
      else recipients.push(recipient);
    } catch (error) {
      if (!(error instanceof SshKeyError)) throw error;
      throw badInput(`error at line ${index + 1}: malformed SSH public key: ${error.message}`);
    }
  }
  if (recipients.length === 0) throw badInput("it contains no Ed25519 SSH key");
  return recipients;
}

async function sshRecipient(file: Uint8Array): Promise<string> {
  const { recipientOf } = await import("./keys/age/ssh.ts");
  return recipientOf(await sshPublicHalf(file));
}

/** @throws {SopsmithError} exit 1 */
async function sshPublicHalf(file: Uint8Array): Promise<SshPublicKey> {
  const { parseSshPrivateKey } = await import("./keys/age/ssh-private-key.ts");
  const { SshKeyError } = await import("./keys/age/ssh.ts");
  try {
    const { publicKey } = parseSshPrivateKey(file);
    if (publicKey !== undefined) return publicKey;
  } catch (error) {
    if (!(error instanceof SshKeyError)) throw error;
    throw badInput(`malformed SSH private key: ${error.message}`);
  }
  throw badInput(
    "it is an SSH private key in a protected PEM file, which hides its public half",
    "Use the line in the .pub file beside it as the recipient.",
  );
}

function badInput(reason: string, hint?: string): SopsmithError {
  return new SopsmithError("bad-key-file", 1, `failed to parse input: ${reason}`, { hint });
}
