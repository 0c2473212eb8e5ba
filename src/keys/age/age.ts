import type * as AgeEncryption from "age-encryption";
import type { Host } from "../../io/host.ts";
import { SopsmithError } from "../../errors.ts";
import { entry, map } from "../../tree/node.ts";
import { readText } from "../../tree/read.ts";
import { textLeaf } from "../../tree/text.ts";
import {
  findAgeIdentities,
  parseDecryptedIdentities,
  type AgeIdentities,
  type AgeIdentity,
} from "./identities.ts";
import { unwrapX25519, wrapX25519 } from "./x25519.ts";
import { Bech32Error, decodeBech32 } from "./bech32.ts";
import {
  itemText,
  KeySyntaxError,
  UnwrapError,
  type KeyProvider,
  type MasterKey,
} from "../provider.ts";

type Library = typeof AgeEncryption;

/** The library and what it needs take most of a small file's time: it is loaded for what x25519.ts leaves to it. */
const loadLibrary = (): Promise<Library> => import("age-encryption");

/** One age file per recipient, armored (spec keys section 2). X25519 and post-quantum keys. */
export const age: KeyProvider = {
  type: "age",
  label: "age",
  flag: "age",
  env: "SOPS_AGE_RECIPIENTS",
  configField: "age",
  groupField: "age",
  storedFields: [{ name: "recipient", kind: "text" }],
  inEveryGroup: true,
  isRemote: false,
  identify: (fields) => readText(fields, "recipient"),
  parse: parseRecipients,
  parseItem: (item) => parseRecipients(itemText(item, "age")),
  wrap,
  unwrap,
};

function parseRecipients(text: string): MasterKey[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const recipient = part.trim();
    checkRecipient(recipient);
    return {
      type: "age",
      id: recipient,
      fields: map([entry("recipient", textLeaf(recipient))]),
      enc: undefined,
    };
  });
}

type RecipientKind = "hybrid" | "plugin" | "x25519" | "ssh";

/** By prefix, in this order (spec keys 2.1); undefined for what is none of them. */
function recipientKind(recipient: string): RecipientKind | undefined {
  if (recipient.startsWith("age1pq1")) return "hybrid";
  if (recipient.startsWith("age1")) return recipient.indexOf("1", 4) < 0 ? "x25519" : "plugin";
  return recipient.startsWith("ssh-") ? "ssh" : undefined;
}

/**
 * @throws {KeySyntaxError} without the text: somebody may have put a private key there
 */
function checkRecipient(recipient: string): void {
  const bech32 = "failed to parse input as Bech32-encoded age public key: malformed recipient";
  switch (recipientKind(recipient)) {
    case "hybrid":
      return checkBech32(
        recipient,
        bech32,
        (prefix, length) => prefix === "age1pq" && length === 1216,
      );
    case "x25519":
      return checkBech32(recipient, bech32, (prefix, length) => prefix === "age" && length === 32);
    case "plugin":
      return checkBech32(
        recipient,
        "failed to parse input as age key from age plugin: malformed recipient",
        (prefix) => prefix.length > "age1".length,
      );
    case "ssh":
      if (/^ssh-(ed25519|rsa)[ \t]+[A-Za-z0-9+/]+=*([ \t].*)?$/.test(recipient)) return;
      throw new KeySyntaxError(
        "failed to parse input as age-ssh public key: expected a line such as ssh-ed25519 AAAA…, of type ssh-ed25519 or ssh-rsa",
      );
    case undefined:
      throw new KeySyntaxError(
        /^AGE-(SECRET-KEY|PLUGIN)-/i.test(recipient)
          ? "failed to parse input, unknown recipient type: it is an identity, which is private; give its public half (age-keygen -y shows it)"
          : `failed to parse input, unknown recipient type: ${recipient === "" ? '"" (is there a comma too many?)' : "an age recipient begins with age1"}`,
      );
  }
}

function checkBech32(
  text: string,
  message: string,
  isRight: (prefix: string, length: number) => boolean,
): void {
  try {
    const { prefix, bytes } = decodeBech32(text);
    if (!isRight(prefix, bytes.length))
      throw new KeySyntaxError(`${message}: wrong length or type`);
  } catch (error) {
    if (!(error instanceof Bech32Error)) throw error;
    throw new KeySyntaxError(`${message}: ${error.message}`);
  }
}

/** An age recipient that this version cannot wrap to. Exit 1. */
class UnusableRecipient extends SopsmithError {
  constructor(what: string) {
    super(
      "recipient-unusable",
      1,
      `this version of sopsmith cannot use ${what} as age recipients; use one that begins with age1 and comes from keygen, or encrypt with Go sops`,
    );
  }
}

const unusable = { ssh: "SSH keys", plugin: "age plugin keys" } as const;

async function wrap(key: MasterKey, part: Uint8Array, host: Host): Promise<string> {
  const kind = recipientKind(key.id);
  if (kind === "ssh" || kind === "plugin") throw new UnusableRecipient(unusable[kind]);
  checkRecipient(key.id);
  if (kind === "x25519")
    return wrapX25519(decodeBech32(key.id).bytes, part, (length) => host.randomBytes(length));
  const { Encrypter, armor } = await loadLibrary();
  const encrypter = new Encrypter();
  encrypter.addRecipient(key.id);
  return armor.encode(await encrypter.encrypt(part));
}

async function unwrap(key: MasterKey, host: Host): Promise<Uint8Array> {
  const kind = recipientKind(key.id);
  if (kind === "ssh" || kind === "plugin") {
    throw new UnwrapError(
      `this version of sopsmith cannot use ${unusable[kind]} as age identities`,
      {
        failure: "unusable",
        remedy:
          "open the file with Go sops and add a recipient made by keygen to it; this version of sopsmith cannot use its keys",
      },
    );
  }
  const found = await findAgeIdentities(key.id, host);
  if (found.identities.length === 0) throw unwrapError("failed to load age identities", found);
  const native = openNatively(key, found);
  if (native !== undefined) return native;
  const library = await loadLibrary();
  const file = decodeArmor(library, key.enc ?? "", found);
  // Native ones first: an encrypted file asks for its passphrase only when nothing else opens the key.
  for (const identity of found.identities) {
    if (identity.kind !== "native") continue;
    const part = await openWith(library, identity.text, identity.location, file, found);
    if (part !== undefined) return part;
  }
  for (const identity of found.identities) {
    if (identity.kind !== "encrypted") continue;
    const part = await openWithEncrypted(library, identity, file, found, host);
    if (part !== undefined) return part;
  }
  const plugin = found.identities.find((identity) => identity.kind === "plugin");
  throw readerError(
    plugin !== undefined
      ? `no identity matched any of the recipients; the one in ${plugin.location} belongs to an age plugin, which this version of sopsmith cannot run`
      : found.identities.length === 1
        ? "identity did not match any of the recipients: incorrect identity for recipient block"
        : "no identity matched any of the recipients",
    found,
  );
}

/** The part, when an X25519 identity opens the file without the library. */
function openNatively(key: MasterKey, found: AgeIdentities): Uint8Array | undefined {
  for (const identity of found.identities) {
    if (identity.kind !== "native") continue;
    const { prefix, bytes } = decodeBech32(identity.text);
    if (prefix !== "age-secret-key-") continue;
    const part = unwrapX25519(key.enc ?? "", bytes);
    bytes.fill(0);
    if (part !== undefined) return part;
  }
  return undefined;
}

function decodeArmor(library: Library, enc: string, found: AgeIdentities): Uint8Array {
  try {
    return library.armor.decode(enc);
  } catch (cause) {
    throw readerError("its `enc` is not an armored age file", found, { failure: "damaged", cause });
  }
}

/**
 * @returns undefined when the identity is another recipient's
 * @throws {UnwrapError} when it is the right one, or nobody can tell, and the file does not open
 */
async function openWith(
  library: Library,
  identity: string,
  location: string,
  file: Uint8Array,
  found: AgeIdentities,
): Promise<Uint8Array | undefined> {
  const decrypter = new library.Decrypter();
  decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(file);
  } catch (cause) {
    if (isNoMatch(cause)) return undefined;
    const hasMatched =
      !(cause instanceof Error && cause.message.endsWith("stanza")) &&
      (await hasHeader(library, file));
    throw readerError(
      hasMatched
        ? `the identity in ${location} matches, but the wrapped data key is damaged`
        : "the age header of its `enc` is damaged",
      found,
      { failure: "damaged", cause },
    );
  }
}

async function openWithEncrypted(
  library: Library,
  identity: AgeIdentity & { kind: "encrypted" },
  file: Uint8Array,
  found: AgeIdentities,
  host: Host,
): Promise<Uint8Array | undefined> {
  const { location } = identity;
  const fail = (reason: string) =>
    readerError(`failed to decrypt identity file '${location}': ${reason}`, found, {
      failure: "source",
    });
  const passphrase = await host.promptSecret(`Enter passphrase for identity '${location}': `);
  if (passphrase === undefined) throw fail("there is no terminal to ask for its passphrase");
  const { ScryptIdentity } = await import("./scrypt.ts");
  const decrypter = new library.Decrypter();
  decrypter.addIdentity(new ScryptIdentity(passphrase));
  let content: Uint8Array;
  try {
    const isArmored = identity.file[0] === "-".charCodeAt(0);
    const source = isArmored
      ? library.armor.decode(Buffer.from(identity.file).toString("latin1"))
      : identity.file;
    content = await decrypter.decrypt(source);
  } catch (cause) {
    throw fail(
      isNoMatch(cause) ? "incorrect passphrase" : "it is damaged, or not protected by a passphrase",
    );
  }
  const identities = parseDecryptedIdentities(content, location);
  content.fill(0);
  if (identities === undefined) throw fail("it holds something else than age identities");
  for (const text of identities) {
    const part = await openWith(library, text, location, file, found);
    if (part !== undefined) return part;
  }
  host.warn(`encrypted identity '${location}' didn't match file's recipients`);
  return undefined;
}

/** Whether the file's header can be read: without an identity, the only failure is then that none matches. */
async function hasHeader(library: Library, file: Uint8Array): Promise<boolean> {
  try {
    await new library.Decrypter().decrypt(file);
    return true;
  } catch (error) {
    return isNoMatch(error);
  }
}

function isNoMatch(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("no identity matched");
}

function readerError(
  cause: string,
  found: AgeIdentities,
  options: { failure?: "damaged" | "source"; cause?: unknown } = {},
): UnwrapError {
  return unwrapError(
    `failed to create reader for decrypting sops data key with age: ${cause}`,
    found,
    options,
  );
}

/** One key's reason, with the state of the sources behind it (spec keys 2.8). */
function unwrapError(
  message: string,
  found: AgeIdentities,
  options: { failure?: "damaged" | "source"; cause?: unknown } = {},
): UnwrapError {
  const failure = options.failure ?? (found.errors.length > 0 ? "source" : "missing");
  const errors =
    found.errors.length === 0
      ? ""
      : `. Errors while loading age identities: ${found.errors.join("; ")}`;
  const unused =
    found.unused.length === 0 ? "" : `. Did not find keys in ${locations(found.unused)}.`;
  return new UnwrapError(`${message}${errors}${unused}`, {
    failure,
    remedy: remedies[failure],
    sources: found.looked,
    cause: options.cause,
  });
}

const remedies = {
  damaged:
    "restore the `sops` block from version control: its wrapped data key is damaged for these recipients",
  source:
    "mend the key source that could not be used (the report below names it), so that it gives the identity of one of these recipients",
  missing: "set SOPS_AGE_KEY_FILE to the file that holds the identity of one of these recipients",
} as const;

function locations(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`);
  const last = quoted.at(-1) ?? "";
  if (quoted.length === 1) return `location ${last}`;
  return `locations ${quoted.slice(0, -1).join(", ")}${quoted.length > 2 ? "," : ""} and ${last}`;
}
