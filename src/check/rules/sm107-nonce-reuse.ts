import { wellFormed } from "../../crypto/ciphertext.ts";
import { keyPath } from "../key-path.ts";
import type { Problem, Rule } from "../rule.ts";
import type { FoundLeaf } from "../subject.ts";

/** Two plaintexts under one nonce. */
export const nonceReuse: Rule = {
  id: "SM107",
  name: "nonce-reuse",
  severity: "error",
  finds: "two values of a file have the same nonce and different ciphertexts",
  why: [
    "AES-GCM with the same key and nonce for two plaintexts reveals how the two differ, and lets an attacker forge ciphertexts. No version of sops does this; a program that writes the format with a fixed nonce does, or a file put together by hand. The same ciphertext twice, for equal values, is fine.",
  ],
  fix: "Decrypt the file and encrypt it again; change the two secrets at their source.",
  example: {
    language: "yaml",
    text: "a: ENC[AES256_GCM,data:AAAA,iv:c2FtZQ==,tag:…,type:str]\nb: ENC[AES256_GCM,data:BBBB,iv:c2FtZQ==,tag:…,type:str]",
  },
  inFile(subject) {
    const first = new Map<string, { leaf: FoundLeaf; rest: string }>();
    const problems: Problem[] = [];
    for (const leaf of subject.sealed?.leaves ?? []) {
      const parts = leaf.ciphertext === undefined ? undefined : wellFormed(leaf.ciphertext);
      if (parts === undefined) continue;
      const rest = `${parts.data},${parts.tag}`;
      const before = first.get(parts.iv);
      if (before === undefined) first.set(parts.iv, { leaf, rest });
      else if (before.rest !== rest) {
        const [place, other] = [subject.placeOf(leaf), subject.placeOf(before.leaf)];
        problems.push({
          ...place,
          message: `${keyPath(place.path)} has the nonce of ${keyPath(other.path)} (line ${other.line}) and other data`,
        });
      }
    }
    return problems;
  },
};
