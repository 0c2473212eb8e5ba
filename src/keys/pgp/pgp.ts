import { readText } from "../../tree/typed-fields.ts";
import { keyCodec, loadedLater, text } from "../key-codec.ts";
import type { KeyProvider } from "../provider.ts";

/**
 * PGP keys through the `gpg` program, called as sops calls it: its key rings, agent and smart cards, `GNUPGHOME` included
 * (spec keys section 4). The attempt to read the key rings of GnuPG 1 without gpg, which sops makes first, is left out.
 */
export const pgp: KeyProvider = {
  ...keyCodec({
    type: "pgp",
    label: "PGP",
    flag: "pgp",
    env: "SOPS_PGP_FP",
    configField: "pgp",
    groupField: "pgp",
    fields: [text("fp")],
    identify: (fields) => readText(fields, "fp"),
    fromText: (part) => ({ fp: part.replaceAll(" ", "") }),
  }),
  shortFlag: "p",
  ruleItem: { kind: "text" },
  order: { rule: 1, flags: 4 },
  ids: {
    form: /^(?:0x)?(?:(?: ?[0-9A-Fa-f]){16}|(?: {0,2}[0-9A-Fa-f]){40})!?$/,
    inMessage: /\b(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{16})\b/,
    same: (id) =>
      id
        .replaceAll(/^0x|[\s!]/g, "")
        .toUpperCase()
        .slice(-16),
    short: (id) => (id.length > 16 ? `…${id.slice(-16)}` : id),
    isAnyCase: true,
  },
  isWrapped: (enc) => /^\s*-----BEGIN PGP MESSAGE-----[^]*-----END PGP MESSAGE-----\s*$/.test(enc),
  isRemote: false,
  logged: { topic: "PGP", field: "fingerprint" },
  ...loadedLater(() => import("./wrap.ts")),
};
