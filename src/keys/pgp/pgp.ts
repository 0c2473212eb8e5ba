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
  isWrapped: (enc) => /^\s*-----BEGIN PGP MESSAGE-----[^]*-----END PGP MESSAGE-----\s*$/.test(enc),
  isRemote: false,
  logged: { topic: "PGP", field: "fingerprint" },
  ...loadedLater(() => import("./wrap.ts")),
};
