import { keyPath } from "../key-path.ts";
import type { Rule } from "../rule.ts";

/** An unencrypted value among encrypted ones. */
export const valueInClear: Rule = {
  id: "SM102",
  name: "value-in-clear",
  severity: "error",
  finds: "a value that the file's own selection covers is not encrypted",
  why: [
    "The `sops` block says which values are encrypted: all but those whose key ends in `_unencrypted`, or what `encrypted_regex`, `encrypted_suffix`, `unencrypted_regex`, `unencrypted_suffix` or a comment expression say. A value that this covers must be `ENC[…]`, empty or null. One that is not was added by hand or by a merge. Everybody can read it, and the file no longer decrypts.",
    "The message contains the path of the value's key, never the value.",
  ],
  fix: "Remove the line and add the value again with `sopsmith set`; if it was ever pushed, change it at its source.",
  example: {
    language: "yaml",
    text: "new_password: hunter2\nuser: ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]\nsops: …",
  },
  inFile(subject) {
    const { sealed } = subject;
    return (sealed?.leaves ?? []).flatMap((leaf) => {
      const { node, isSelected, ciphertext } = leaf;
      if (!isSelected || node.kind === "comment" || ciphertext !== undefined) return [];
      if (node.kind === "str" && node.long === undefined && node.value === "") return [];
      const place = subject.placeOf(leaf);
      return [{ ...place, message: `${keyPath(place.path)} is unencrypted` }];
    });
  },
};
