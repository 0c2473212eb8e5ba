import { noPolicy } from "../config/policy.ts";
import type { Problem } from "./rule.ts";
import { brokenCiphertext } from "./rules/sm104-broken-ciphertext.ts";
import { valueInClear } from "./rules/sm102-unencrypted-value.ts";
import { readSubject } from "./subject.ts";

/**
 * What is wrong with the values of one encrypted file: those that its own selection covers and that are no well-formed ciphertext,
 * in the order of the file.
 *
 * @param inputType a format to read it as; "" where its name decides
 */
export async function valueProblems(
  file: string,
  content: Uint8Array,
  inputType: string,
): Promise<(Problem & { readonly rule: string })[]> {
  const subject = await readSubject({
    file,
    content,
    isConfig: false,
    rule: undefined,
    policy: noPolicy,
    now: new Date(0),
    inputType,
  });
  const problems: (Problem & { readonly rule: string })[] = [];
  for (const { id, inFile } of [valueInClear, brokenCiphertext])
    for (const problem of (await inFile?.(subject)) ?? []) problems.push({ ...problem, rule: id });
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
