import { keyPath } from "../key-path.ts";
import type { Rule } from "../rule.ts";

/** An unencrypted comment where comments are encrypted. */
export const commentInClear: Rule = {
  id: "SM108",
  name: "comment-in-clear",
  severity: "warning",
  finds: "a comment that the file's selection covers is not encrypted",
  why: [
    "Comments beside encrypted values are encrypted too, since they often say what the values are for, or contain an older one. This one was written into the encrypted file by hand: everybody can read it, and each decryption warns about it. Files that sops encrypted before 3.5 have such comments as well.",
  ],
  fix: "Run `sopsmith edit`, and save the file with any change: it is encrypted again, with its comments.",
  example: {
    language: "yaml",
    text: "# the old one was hunter2\npassword: ENC[AES256_GCM,…]\nsops: …",
  },
  inFile(subject) {
    if (subject.sealed?.metadata === undefined) return [];
    return subject.sealed.leaves.flatMap((leaf) => {
      const { node, isSelected, ciphertext } = leaf;
      if (!isSelected || node.kind !== "comment" || node.value.trim() === "") return [];
      if (ciphertext?.includes(",iv:") === true) return [];
      const place = subject.placeOf(leaf);
      return [{ ...place, message: `a comment in ${keyPath(place.path)} is unencrypted` }];
    });
  },
};
