import { createHash } from "node:crypto";
import type * as AgeEncryption from "age-encryption";
import type { Host } from "../../io/host.ts";
import { askAgent, clearAgent, type AgentRequest } from "./gpg-agent.ts";
import { parseDecryptedIdentities } from "./identities.ts";
import { IdentityFailure } from "./identity-failure.ts";
import { Once } from "../once.ts";
import { passphraseFromEnvironment, passphraseFromTerminal } from "./passphrase.ts";
import { ScryptIdentity } from "./scrypt.ts";

type Library = typeof AgeEncryption;

const PASSPHRASE_VARIABLE = "SOPS_AGE_KEY_PASSPHRASE";

export interface EncryptedFile {
  /** Binary or armored. */
  readonly file: Uint8Array;
  /** What it is called in messages. */
  readonly location: string;
}

/** Decrypted once for a host. */
const decrypted = new Once<readonly string[]>();

/**
 * The native identities in a passphrase-encrypted identity file (spec keys 2.5).
 *
 * @throws {IdentityFailure}
 */
export function decryptIdentityFile(
  library: Library,
  identity: EncryptedFile,
  host: Host,
): Promise<readonly string[]> {
  const name = createHash("sha256").update(identity.file).digest("hex");
  return decrypted.get(host, name, () => decrypt(library, identity, host));
}

async function decrypt(
  library: Library,
  { file, location }: EncryptedFile,
  host: Host,
): Promise<readonly string[]> {
  const fail = (reason: string, remedy: string) =>
    new IdentityFailure(`failed to decrypt identity file '${location}': ${reason}`, remedy);
  const damaged = () =>
    fail(
      "it is damaged, or not protected by a passphrase",
      `restore the identity file given by ${location}`,
    );
  let binary: Uint8Array;
  try {
    const isArmored = file[0] === "-".charCodeAt(0);
    binary = isArmored ? library.armor.decode(Buffer.from(file).toString("latin1")) : file;
  } catch {
    throw damaged();
  }
  const { passphrase, forget } = await findPassphrase(binary, location, host);
  const decrypter = new library.Decrypter();
  const lock = new ScryptIdentity(passphrase);
  decrypter.addIdentity(lock);
  let content: Uint8Array;
  try {
    content = await decrypter.decrypt(binary);
  } catch {
    await forget();
    throw lock.wasWrong
      ? fail("incorrect passphrase", `run again with the right passphrase of ${location}`)
      : damaged();
  }
  const identities = parseDecryptedIdentities(content, location);
  content.fill(0);
  if (identities === undefined)
    throw fail(
      "it contains something other than age identities",
      `put age identities, one per line, into the file given by ${location}`,
    );
  return identities;
}

async function findPassphrase(
  file: Uint8Array,
  location: string,
  host: Host,
): Promise<{ passphrase: string; forget: () => Promise<void> }> {
  const none = () => Promise.resolve();
  const given = await passphraseFromEnvironment(PASSPHRASE_VARIABLE, host);
  if (given !== undefined) return { passphrase: given, forget: none };
  const subject = `identity '${location}'`;
  const request: AgentRequest = {
    cacheId: agentCacheId(file),
    description: `Enter passphrase for ${subject}:`,
  };
  const kept = await askAgent(request, host);
  if (kept !== undefined) return { passphrase: kept, forget: () => clearAgent(request, host) };
  const prompt = `Enter passphrase for ${subject}: `;
  const typed = await passphraseFromTerminal(prompt, subject, PASSPHRASE_VARIABLE, host);
  return { passphrase: typed, forget: none };
}

/** The name under which sops keeps a file's passphrase in gpg-agent, so that both programs share it. */
function agentCacheId(file: Uint8Array): string {
  const digest = createHash("sha256").update(file).digest().subarray(0, 25);
  const bits = Array.from(digest, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const symbols = bits.match(/.{5}/g) ?? [];
  return `SopsAge${symbols.map((five) => BASE32.charAt(Number.parseInt(five, 2))).join("")}`;
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
