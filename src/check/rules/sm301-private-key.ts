import type { Problem, Rule } from "../rule.ts";

/** What a private key begins with, and what each is called. Bytes first: nearly no file has one. */
const kinds: readonly (readonly [sign: string, pattern: RegExp, name: string])[] = [
  [
    "AGE-SECRET-KEY-",
    /(?<![A-Z0-9-])AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{50,}/g,
    "an age identity",
  ],
  [
    "PRIVATE KEY BLOCK-----",
    /-----BEGIN PGP PRIVATE KEY BLOCK-----(?=(?:\s|\\n)+(?:[A-Za-z]+: [^\n]*\s+)*[A-Za-z0-9+/=]{20})/g,
    "a PGP private key",
  ],
  [
    " PRIVATE KEY-----",
    /-----BEGIN (?:OPENSSH |RSA |DSA |EC )?PRIVATE KEY-----(?=(?:\s|\\n)+(?:(?:Proc-Type|DEK-Info): [^\n]*\s+)*[A-Za-z0-9+/=]{20})/g,
    "a private key",
  ],
];

/** A private key in the repository. */
export const privateKey: Rule = {
  id: "SM301",
  name: "private-key",
  severity: "error",
  finds: "a private key is in the tree",
  why: [
    "Once an age identity, a PGP private key or a private key for SSH or TLS is committed, everybody who has the history can open every file that was ever encrypted to it. All files are searched, encrypted or not, including `.sops.yaml`. A name such as `AGE-SECRET-KEY-1…` in documentation is not a key and is not reported.",
  ],
  fix: "Remove the key from the repository, generate a new one, replace the old one with it in `.sops.yaml`, and run `sopsmith updatekeys` and `sopsmith rotate -i` on the files; the old key stays in the history.",
  example: { language: "text", text: "# keys.txt\nAGE-SECRET-KEY-1…" },
  inFile({ content, text, at }) {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const problems: Problem[] = [];
    for (const [sign, pattern, name] of kinds) {
      if (!bytes.includes(sign)) continue;
      for (const { index } of text().matchAll(pattern))
        problems.push({ ...at(index), message: `${name} is in the tree` });
    }
    return problems.toSorted((a, b) => a.line - b.line);
  },
};
