import { ciphertextFlaw } from "../../crypto/ciphertext.ts";
import { keyPath } from "../key-path.ts";
import type { Rule } from "../rule.ts";

/** A ciphertext that no key can open. */
export const brokenCiphertext: Rule = {
  id: "SM104",
  name: "broken-ciphertext",
  severity: "error",
  finds: "a ciphertext is malformed",
  why: [
    "A value begins with `ENC[` but no key can decrypt it: a part of it is missing, its base64 is damaged, its nonce is empty, its tag is not 16 bytes long, its type is unknown, a boolean has a length that no boolean has, or text follows the closing bracket (sops ignores such text, and it may be a secret). Causes are line breaks that an editor or a formatter added, a truncated line, or a merge.",
  ],
  fix: "Restore the value from version control.",
  example: {
    language: "yaml",
    text: "password: ENC[AES256_GCM,data:qwerty,iv:,tag:AAAA,type:str]\nsops: …",
  },
  inFile(subject) {
    return (subject.sealed?.leaves ?? []).flatMap((leaf) => {
      const { ciphertext, isSelected } = leaf;
      if (ciphertext === undefined || !isSelected) return [];
      const flaw = ciphertextFlaw(ciphertext);
      // A comment may well begin so and be none; sops leaves it as it is.
      if (flaw === undefined || (leaf.node.kind === "comment" && !ciphertext.includes(",iv:")))
        return [];
      const place = subject.placeOf(leaf);
      const what = leaf.node.kind === "comment" ? "a comment" : "the value";
      return [
        { ...place, message: `${what} at ${keyPath(place.path)} is a broken ciphertext: ${flaw}` },
      ];
    });
  },
};
