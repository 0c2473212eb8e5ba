import { prepareChaCha20Poly1305 } from "./chacha20-poly1305.ts";
import type * as AgeEncryption from "age-encryption";
import type { Identity, Stanza } from "age-encryption";
import type { Host } from "../../io/host.ts";
import { UnwrapError, type MasterKey } from "../provider.ts";
import type { AgeIdentities } from "./identities.ts";
import type { AgeIdentity } from "./identity.ts";
import { IdentityFailure } from "./identity-failure.ts";

type Library = typeof AgeEncryption;

/**
 * The part that one of the identities opens with `age-encryption`, which reads what x25519.ts leaves to it.
 *
 * @throws {UnwrapError} when none does
 */
export async function openWithLibrary(
  key: MasterKey,
  found: AgeIdentities,
  host: Host,
): Promise<Uint8Array> {
  try {
    return await openWithSome(key, found, host);
  } catch (error) {
    if (!(error instanceof UnwrapError)) throw error;
    const { heldRecipients } = await import("./held-recipients.ts");
    error.held = await heldRecipients(found.identities);
    throw error;
  }
}

async function openWithSome(key: MasterKey, found: AgeIdentities, host: Host): Promise<Uint8Array> {
  if (found.identities.length === 0) throw unwrapError("failed to load age identities", found);
  try {
    await prepareChaCha20Poly1305();
    const derived = await openWithDerivedKey(key, found, host);
    if (derived !== undefined) return derived;
    const library = await import("age-encryption");
    const file = decodeArmor(library, key.enc ?? "", found);
    const part = await openWithAny(library, key.id, file, found, host);
    if (part !== undefined) return part;
  } catch (error) {
    if (!(error instanceof IdentityFailure)) throw error;
    throw readerError(error.message, found, {
      failure: "source",
      remedy: error.remedy,
      cause: error.cause,
    });
  }
  throw readerError(
    found.identities.length === 1
      ? "identity did not match any of the recipients: incorrect identity for recipient block"
      : "no identity matched any of the recipients",
    found,
  );
}

/** X25519 keys that belong to SSH keys, as ssh-to-age makes them. */
async function openWithDerivedKey(
  key: MasterKey,
  found: AgeIdentities,
  host: Host,
): Promise<Uint8Array | undefined> {
  if (key.id.startsWith("ssh-") || !found.identities.some(({ kind }) => kind === "ssh"))
    return undefined;
  const { openWithDerived } = await import("./ssh-derived.ts");
  return openWithDerived(key, found, host);
}

/** Native identities first: the others may ask the user (spec keys 2.7). */
async function openWithAny(
  library: Library,
  recipient: string,
  file: Uint8Array,
  found: AgeIdentities,
  host: Host,
): Promise<Uint8Array | undefined> {
  const stanzas = await readStanzas(library, file, found);
  for (const identity of found.identities) {
    if (identity.kind !== "native") continue;
    const part = await openWith(library, identity.text, identity.location, file, found);
    if (part !== undefined) return part;
  }
  for (const identity of found.identities) {
    if (identity.kind === "native") continue;
    if (identity.kind === "encrypted") {
      const part = await openWithEncrypted(library, identity, stanzas, file, found, host);
      if (part !== undefined) return part;
      continue;
    }
    const fileKey = await unwrapFileKey(identity, stanzas, host);
    if (fileKey === undefined) {
      if (identity.kind !== "ssh" || !stanzas.some(({ args: [type] }) => type === "X25519"))
        continue;
      const { derivedScalar, identityText } = await import("./ssh-derived.ts");
      const scalar = await derivedScalar(identity, recipient, host);
      if (scalar === undefined) continue;
      const part = await openWith(library, identityText(scalar), identity.location, file, found);
      scalar.fill(0);
      if (part !== undefined) return part;
      continue;
    }
    const opener = { unwrapFileKey: () => Promise.resolve(fileKey) };
    return openWith(library, opener, identity.location, file, found);
  }
  return undefined;
}

async function unwrapFileKey(
  identity: AgeIdentity & { kind: "plugin" | "ssh" },
  stanzas: readonly Stanza[],
  host: Host,
): Promise<Uint8Array | undefined> {
  if (identity.kind === "ssh") {
    const { unwrapWithSshKey } = await import("./ssh-identity.ts");
    return unwrapWithSshKey(identity, stanzas, host);
  }
  const { unwrapWithPlugin } = await import("./plugin.ts");
  return unwrapWithPlugin(identity.name, identity.text, stanzas, host);
}

function decodeArmor(library: Library, enc: string, found: AgeIdentities): Uint8Array {
  try {
    return library.armor.decode(enc);
  } catch (cause) {
    throw readerError("its `enc` is not an armored age file", found, { failure: "damaged", cause });
  }
}

/** The stanzas of the header. */
async function readStanzas(
  library: Library,
  file: Uint8Array,
  found: AgeIdentities,
): Promise<readonly Stanza[]> {
  let stanzas: readonly Stanza[] = [];
  const decrypter = new library.Decrypter();
  decrypter.addIdentity({
    unwrapFileKey(all: readonly Stanza[]) {
      stanzas = all;
      return Promise.resolve(null);
    },
  });
  try {
    await decrypter.decrypt(file);
  } catch (cause) {
    if (!isNoMatch(cause)) throw damagedHeader(found, cause);
  }
  return stanzas;
}

const damagedHeader = (found: AgeIdentities, cause: unknown): UnwrapError =>
  readerError("the age header of its `enc` is damaged", found, { failure: "damaged", cause });

/**
 * @returns undefined when the identity is another recipient's
 * @throws {UnwrapError} when it is the right one, or nobody can tell, and the file does not open
 */
async function openWith(
  library: Library,
  identity: string | Identity,
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
    if (cause instanceof Error && cause.message.endsWith("stanza"))
      throw damagedHeader(found, cause);
    throw readerError(
      `the identity in ${location} matches, but the wrapped data key is damaged`,
      found,
      { failure: "damaged", cause },
    );
  }
}

/** The stanzas that identities in an encrypted file can open, and those that are there to keep programs honest. */
const isForNative = ({ args: [type = ""] }: Stanza): boolean =>
  type === "X25519" || type === "mlkem768x25519";

async function openWithEncrypted(
  library: Library,
  identity: AgeIdentity & { kind: "encrypted" },
  stanzas: readonly Stanza[],
  file: Uint8Array,
  found: AgeIdentities,
  host: Host,
): Promise<Uint8Array | undefined> {
  // Nobody is asked for a passphrase that cannot help.
  if (!stanzas.some(isForNative)) return undefined;
  const { decryptIdentityFile } = await import("./encrypted-file.ts");
  const { location } = identity;
  for (const text of await decryptIdentityFile(library, identity, host)) {
    const part = await openWith(library, text, location, file, found);
    if (part !== undefined) return part;
  }
  host.warn(`encrypted identity '${location}' didn't match file's recipients`);
  return undefined;
}

function isNoMatch(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("no identity matched");
}

function readerError(
  cause: string,
  found: AgeIdentities,
  options: { failure?: "damaged" | "source"; remedy?: string; cause?: unknown } = {},
): UnwrapError {
  return unwrapError(
    `failed to create reader for decrypting sops data key with age: ${cause}`,
    found,
    options,
  );
}

/** One key's reason, with the state of the sources after it (spec keys 2.8). */
function unwrapError(
  message: string,
  found: AgeIdentities,
  options: { failure?: "damaged" | "source"; remedy?: string; cause?: unknown } = {},
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
    remedy: options.remedy ?? remedies[failure](found),
    summary: `${message}${errors}`,
    sources: found.looked,
    cause: options.cause,
  });
}

const remedies = {
  damaged: () =>
    "restore the `sops` block from version control: its wrapped data key is damaged for these recipients",
  source: ({ broken, advice }: AgeIdentities) =>
    advice[0] ??
    `correct ${broken.join(" and ") || "the key source"}, which could not be used, so that it contains the identity of one of these recipients`,
  missing: () =>
    "set SOPS_AGE_KEY_FILE to the file that holds the identity of one of these recipients",
} as const;

function locations(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`);
  const last = quoted.at(-1) ?? "";
  if (quoted.length === 1) return `location ${last}`;
  return `locations ${quoted.slice(0, -1).join(", ")}${quoted.length > 2 ? "," : ""} and ${last}`;
}
