import { SopsmithError } from "./errors.ts";
import type { Documents } from "./tree/node.ts";
import { pathText } from "./tree/path.ts";
import { flatText } from "./tree/flat-text.ts";

/** A document that cannot be in the environment of a program. Exit 1. */
export class EnvironmentError extends SopsmithError {
  constructor(message: string, file: string, key: string, hint: string) {
    super("not-an-environment", 1, `${message} (${file})`, { file, path: pathText([key]), hint });
  }
}

/**
 * The environment that a decrypted file gives to a program: the top level of its first document, in order, comments
 * left out. Numbers, times and null are spelled as sops does.
 *
 * @throws {EnvironmentError} for a list or mapping, a key with `=`, NUL, and text that is not UTF-8
 * @see spec cli 5.8
 */
export function environmentOf(documents: Documents, file: string): [name: string, value: string][] {
  const variables: [string, string][] = [];
  for (const item of documents[0]?.items ?? []) {
    if (item.kind !== "entry") continue;
    const { key, value } = item;
    if (value.kind === "map" || value.kind === "seq")
      throw new EnvironmentError(
        `cannot use complex value in environment; offending key ${key}`,
        file,
        key,
        "Only text, numbers, booleans and times can be variables: use a file with nothing else at its top level.",
      );
    if (key.includes("="))
      throw new EnvironmentError(
        `cannot use keys with '=' in environment: ${key}`,
        file,
        key,
        "The name of a variable ends at the first '='.",
      );
    const text = flatText(value);
    if (key.includes("\0") || text.includes("\0"))
      throw new EnvironmentError(
        "exec: environment variable contains NUL",
        file,
        key,
        "Pass such data to the program with exec-file.",
      );
    if (!key.isWellFormed() || !text.isWellFormed())
      throw new EnvironmentError(
        "cannot use text that is not UTF-8 in environment",
        file,
        key,
        "Pass such data to the program with exec-file.",
      );
    variables.push([key, text]);
  }
  return variables;
}
