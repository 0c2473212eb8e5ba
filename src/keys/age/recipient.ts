import { prepareChaCha20Poly1305 } from "./chacha20-poly1305.ts";
import type { Stanza } from "age-encryption";
import { SopsmithError } from "../../errors.ts";
import type { Host } from "../../io/host.ts";
import { entry, map } from "../../tree/node.ts";
import { textLeaf } from "../../tree/text.ts";
import { KeySyntaxError, type MasterKey } from "../provider.ts";
import { Bech32Error, decodeBech32 } from "./bech32.ts";
import { pluginName } from "./plugin-name.ts";
import type { SshPublicKey } from "./ssh.ts";
import { wrapX25519 } from "./x25519.ts";

/** Whom a data key can be wrapped for. */
export type Recipient =
  | { readonly kind: "x25519"; readonly point: Uint8Array }
  /** Post-quantum, and those of hardware keys that are told by a tag: `age-encryption` wraps for them. */
  | { readonly kind: "library" }
  | { readonly kind: "plugin"; readonly name: string }
  | { readonly kind: "ssh"; readonly key: SshPublicKey };

/**
 * The keys of a text with commas; none for the empty text.
 *
 * @throws {KeySyntaxError}
 */
export async function parseRecipients(text: string): Promise<MasterKey[]> {
  if (text === "") return [];
  const keys: MasterKey[] = [];
  for (const part of text.split(",")) {
    const recipient = part.trim();
    await parseRecipient(recipient);
    keys.push({
      type: "age",
      id: recipient,
      fields: map([entry("recipient", textLeaf(recipient))]),
      enc: undefined,
    });
  }
  return keys;
}

/** A part in an armored age file for one recipient. */
export async function wrap(key: MasterKey, part: Uint8Array, host: Host): Promise<string> {
  const recipient = await parseRecipient(key.id);
  await prepareChaCha20Poly1305();
  if (recipient.kind === "x25519")
    return refusingLowOrder(() =>
      wrapX25519(recipient.point, part, (length) => host.randomBytes(length)),
    );
  const { Encrypter, armor } = await import("age-encryption");
  const encrypter = new Encrypter();
  if (recipient.kind !== "library") {
    encrypter.addRecipient({
      wrapFileKey: (fileKey) => wrapFileKey(recipient, key.id, fileKey, host),
    });
    return armor.encode(await encrypter.encrypt(part));
  }
  try {
    encrypter.addRecipient(key.id);
    return armor.encode(await encrypter.encrypt(part));
  } catch (cause) {
    // Its bytes have the right number, and are no key all the same.
    throw new KeySyntaxError(`malformed recipient ${beginning(key.id)}: it is not a public key`, {
      cause,
    });
  }
}

/** OpenSSL fails on a point of low order, with which everybody could make the same secret. age refuses it too. */
function refusingLowOrder<Wrapped>(wrap: () => Wrapped): Wrapped {
  try {
    return wrap();
  } catch (cause) {
    if (cause instanceof SopsmithError) throw cause;
    throw new KeySyntaxError("the recipient is not a usable key: it is a point of low order");
  }
}

async function wrapFileKey(
  recipient: Recipient & { kind: "plugin" | "ssh" },
  id: string,
  fileKey: Uint8Array,
  host: Host,
): Promise<Stanza[]> {
  if (recipient.kind === "ssh") {
    const { wrapForSsh } = await import("./ssh.ts");
    return [refusingLowOrder(() => wrapForSsh(recipient.key, fileKey))];
  }
  const { wrapWithPlugin } = await import("./plugin.ts");
  return wrapWithPlugin(recipient.name, id, fileKey, host);
}

/** Prefix and length in bytes: post-quantum, tagged on P-256, and tagged post-quantum (C2SP "age"). */
const libraryKinds = [
  ["age1pq", 1216],
  ["age1tag", 33],
  ["age1tagpq", 1249],
] as const;

/**
 * A recipient's text, by its prefix, in this order (spec keys 2.1).
 *
 * @throws {KeySyntaxError} with no more than the beginning of the text: somebody may have put a private key there
 */
async function parseRecipient(text: string): Promise<Recipient> {
  const malformed = `malformed recipient ${beginning(text)}`;
  const bech32 = `failed to parse input as Bech32-encoded age public key: ${malformed}`;
  const known = libraryKinds.find(([prefix]) => text.startsWith(`${prefix}1`));
  if (known !== undefined) {
    const { prefix, bytes } = decode(text, bech32);
    if (prefix !== known[0] || bytes.length !== known[1]) throw wrongKind(bech32);
    return { kind: "library" };
  }
  if (text.startsWith("age1") && text.includes("1", 4)) {
    const message = `failed to parse input as age key from age plugin: ${malformed}`;
    const { prefix } = decode(text, message);
    const name = pluginName(prefix.slice("age1".length));
    if (name === undefined) throw new KeySyntaxError(`${message}: invalid plugin name`);
    return { kind: "plugin", name };
  }
  if (text.startsWith("age1")) {
    const { prefix, bytes } = decode(text, bech32);
    if (prefix !== "age" || bytes.length !== 32) throw wrongKind(bech32);
    return { kind: "x25519", point: bytes };
  }
  if (text.startsWith("ssh-")) return { kind: "ssh", key: await parseSsh(text) };
  throw new KeySyntaxError(
    /^AGE-(SECRET-KEY|PLUGIN)-/i.test(text)
      ? "failed to parse input, unknown recipient type: it is an identity, which is private; use its public half (age-keygen -y prints it)"
      : `failed to parse input, unknown recipient type: ${text === "" ? '"" (is there an extra comma?)' : "an age recipient begins with age1 or ssh-"}`,
  );
}

/** Enough of a recipient to find it by; nothing of what else may be there. */
function beginning(text: string): string {
  const [known = ""] = /^age1[a-z0-9-]{0,20}/.exec(text) ?? [];
  return JSON.stringify(known === text ? known : `${known}…`);
}

async function parseSsh(text: string): Promise<SshPublicKey> {
  const { parseSshPublicKey, SshKeyError } = await import("./ssh.ts");
  try {
    return parseSshPublicKey(text);
  } catch (error) {
    if (!(error instanceof SshKeyError)) throw error;
    throw new KeySyntaxError(`failed to parse input as age-ssh public key: ${error.message}`);
  }
}

function decode(text: string, message: string): { prefix: string; bytes: Uint8Array } {
  try {
    return decodeBech32(text);
  } catch (error) {
    if (!(error instanceof Bech32Error)) throw error;
    throw new KeySyntaxError(`${message}: ${error.message}`);
  }
}

const wrongKind = (message: string): KeySyntaxError =>
  new KeySyntaxError(`${message}: wrong length or type`);

/** The type of the first stanza, by the beginning of the recipient; plugins choose their own. */
const stanzas = [
  [/^age1pq1/, "mlkem768x25519"],
  [/^age1tag1/, "p256tag"],
  [/^age1tagpq1/, "mlkem768p256tag"],
  [/^ssh-ed25519 /, "ssh-ed25519"],
  [/^ssh-rsa /, "ssh-rsa"],
  [/^age1[^1]+$/, "X25519"],
] as const;

/** An armored age file with a stanza for such a recipient. */
export function isWrapped(enc: string, recipient: string): boolean {
  const armor =
    /^\s*-----BEGIN AGE ENCRYPTED FILE-----\r?\n([A-Za-z0-9+/=\s]+)-----END AGE ENCRYPTED FILE-----\s*$/.exec(
      enc,
    );
  const file = Buffer.from(armor?.[1] ?? "", "base64").toString("latin1");
  const header = /^age-encryption\.org\/v1\n(-> [^]*?)\n---/.exec(file)?.[1] ?? "";
  const types = Array.from(header.matchAll(/^-> (\S+)/gm), ([, type]) => type);
  const wanted = stanzas.find(([form]) => form.test(recipient))?.[1];
  return wanted === undefined ? types.length > 0 : types.includes(wanted);
}
