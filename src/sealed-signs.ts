import type { FormatName } from "../formats/format.ts";

/** Signs of a `sops` block, by format, in text where it need not be one. YAML reads JSON too. */
export const signs: readonly (readonly [FormatName, RegExp])[] = [
  ["json", /"sops"\s*:/],
  ["yaml", /^["']?sops["']?\s*:|[{,]\s*["']?sops["']?\s*:/m],
  ["dotenv", /^sops_/m],
  ["ini", /^\s*\[sops\]/m],
];

/** What is between the data of a long binary file and its metadata. */
const AFTER_DATA = /,type:str\]"\s*,\s*"sops"\s*:\s*\{/;

/**
 * Does the end of a file look as that of an encrypted file in this format?
 *
 * @param tail as Latin-1
 */
export function hasSealedSign(tail: string, format: FormatName): boolean {
  if (format === "binary") return tail.length >= 1 << 16 && AFTER_DATA.test(tail);
  return signs.some(([name, sign]) => name === format && sign.test(tail));
}
