import { wellFormed } from "../../crypto/ciphertext.ts";
import { keyPath } from "../key-path.ts";
import type { Rule } from "../rule.ts";

/** A ciphertext that nobody will decrypt. */
export const ciphertextNotSelected: Rule = {
  id: "SM103",
  name: "ciphertext-not-selected",
  severity: "error",
  finds: "a value is encrypted although the file's selection says that it is not",
  why: [
    "What the selection does not cover is passed through unchanged: `decrypt` prints this value as `ENC[…]`, and a program gets that instead of its secret. It happens when a key is renamed or moved by hand, or when the selection in the `sops` block was changed.",
  ],
  fix: "Give the key the name that it had when the value was encrypted, or restore the selection in the `sops` block.",
  example: {
    language: "yaml",
    text: "password_unencrypted: ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]\nsops: …",
  },
  inFile(subject) {
    if (subject.sealed?.metadata === undefined) return [];
    return subject.sealed.leaves.flatMap((leaf) => {
      const { node, isSelected, ciphertext } = leaf;
      if (isSelected || node.kind === "comment" || ciphertext === undefined) return [];
      if (wellFormed(ciphertext) === undefined) return [];
      const place = subject.placeOf(leaf);
      return [
        {
          ...place,
          message: `${keyPath(place.path)} is encrypted, but the file's ${subject.sealed?.selector.name} says that it is not: decrypt prints the ciphertext as it is`,
        },
      ];
    });
  },
};
