import type { KeyType, MasterKey } from "../keys/provider.ts";

/** What tells one master key from another: its type and its display string. Every {@link MasterKey} is one. */
export type KeyId = Pick<MasterKey, "type" | "id">;

/** How the texts of each key type begin, or look as a whole. The order matters: a Vault address may also be an HTTPS one. */
const forms: readonly (readonly [KeyType, RegExp])[] = [
  ["age", /^(?:age1[a-z0-9]{6,}|AGE1[A-Z0-9]{6,}|ssh-(?:ed25519|rsa) \S+(?: .*)?)$/],
  ["kms", /^arn:/],
  ["gcp_kms", /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+/],
  ["hc_vault", /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]+\/v\d+\/.+\/keys\/[^/]+\/?$/],
  ["azure_kv", /^https:\/\/[^/]+\/keys\/[^/]+/],
  ["pgp", /^(?:0x)?(?:(?: ?[0-9A-Fa-f]){16}|(?: {0,2}[0-9A-Fa-f]){40})!?$/],
  ["hckms", /^[a-z]{2}-[a-z]+-\d+:[0-9A-Fa-f-]{36}$/],
];

/**
 * The key that a text names, by its form alone: nothing is looked up, and the key may be malformed.
 *
 * @returns undefined for a text of no key's form, and for several keys separated by commas
 */
export function keyInText(text: string): KeyId | undefined {
  const id = text.trim();
  if (/[,\n]/.test(id)) return undefined;
  const [type] = forms.find(([, form]) => form.test(id)) ?? [];
  return type === undefined ? undefined : { type, id };
}

/**
 * A text that is equal for two spellings of one key: without the comment of an SSH key, the role, profile and context of
 * an AWS key, the version of an Azure key, and with the last 16 digits of a PGP fingerprint.
 */
export function keyReference({ type, id }: KeyId): string {
  return `${type} ${bare(type, id)}`;
}

function bare(type: KeyType, id: string): string {
  switch (type) {
    case "age":
      return id.startsWith("ssh-") ? id.split(/\s+/, 2).join(" ") : id.toLowerCase();
    case "pgp":
      return id
        .replaceAll(/^0x|[\s!]/g, "")
        .toUpperCase()
        .slice(-16);
    case "kms":
      return /^[^+|\s]*/.exec(id)?.[0] ?? id;
    case "azure_kv":
      return id.replace(/^(https:\/\/[^/]+)\/+(keys\/[^/]+).*$/, "$1/$2");
    case "hc_vault":
      return id.replace(/\/$/, "");
    case "gcp_kms":
    case "hckms":
      return id;
    default:
      return type satisfies never;
  }
}

/** The key's id in a few characters, for people to tell keys apart; not enough to use it. */
export function shortKey({ type, id }: KeyId): string {
  switch (type) {
    case "age": {
      const [kind = "", body] = id.split(/\s+/);
      return body === undefined ? cut(kind, 8, 4) : `${kind} …${body.slice(-8)}`;
    }
    case "pgp":
      return id.length > 16 ? `…${id.slice(-16)}` : id;
    case "kms":
      return id.replace(/^arn:[^:]*:kms:([^:]*):[^:]*:/, "$1 ").replace(/[+|].*/s, "");
    case "gcp_kms":
      return id.replace(/^projects\/([^/]+)\/.*\/cryptoKeys\//, "$1 ");
    case "azure_kv":
      return id.replace(/^https:\/\/([^/.]+)[^/]*\/+keys\/([^/]+).*$/, "$1 $2");
    case "hc_vault":
    case "hckms":
      return id.replace(/^[a-z]+:\/\//i, "");
    default:
      return type satisfies never;
  }
}

const cut = (text: string, head: number, tail: number): string =>
  text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
