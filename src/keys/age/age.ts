import type { Host } from "../../io/host.ts";
import { readText } from "../../tree/typed-fields.ts";
import { itemText, type KeyProvider, type MasterKey } from "../provider.ts";
import { decodeBech32 } from "./bech32.ts";
import { findAgeIdentities, type AgeIdentities } from "./identities.ts";
import { unwrapX25519 } from "./x25519.ts";

/** One age file per recipient, armored (spec keys section 2): X25519, post-quantum, SSH and plugin keys. */
export const age: KeyProvider = {
  type: "age",
  label: "age",
  flag: "age",
  shortFlag: "a",
  plural: "age recipients",
  env: "SOPS_AGE_RECIPIENTS",
  configField: "age",
  groupField: "age",
  ruleItem: { kind: "text" },
  order: { rule: 0, flags: 6 },
  ids: {
    form: /^(?:age1[a-z0-9]{6,}|AGE1[A-Z0-9]{6,}|ssh-(?:ed25519|rsa) \S+(?: .*)?)$/,
    inMessage: /\bage1[a-z0-9]{20,}|\bssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+/,
    same: (id) => (id.startsWith("ssh-") ? id.split(/\s+/, 2).join(" ") : id.toLowerCase()),
    short: (id) => {
      const [kind = "", body] = id.split(/\s+/);
      if (body !== undefined) return `${kind} …${body.slice(-8)}`;
      return kind.length <= 13 ? kind : `${kind.slice(0, 8)}…${kind.slice(-4)}`;
    },
    name: { pattern: /^ssh-\S+\s+\S+\s+(.+)$/, source: "ssh comment" },
    isAnyCase: true,
  },
  storedFields: [{ name: "recipient", kind: "text" }],
  inEveryGroup: true,
  isWrapped: async (enc, id) => (await import("./recipient.ts")).isWrapped(enc, id),
  isRemote: false,
  logged: { topic: "AGE", field: "recipient" },
  identify: (fields) => readText(fields, "recipient"),
  parse: async (text) => (await import("./recipient.ts")).parseRecipients(text),
  parseItem: async (item) =>
    (await import("./recipient.ts")).parseRecipients(itemText(item, "age")),
  wrap: async (key, part, host) => (await import("./recipient.ts")).wrap(key, part, host),
  unwrap,
};

async function unwrap(key: MasterKey, host: Host): Promise<Uint8Array> {
  const found = await findAgeIdentities(key.id, host);
  const part = openNatively(key, found);
  if (part !== undefined) return part;
  const { openWithLibrary } = await import("./open.ts");
  return openWithLibrary(key, found, host);
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
