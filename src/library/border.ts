import { SopsmithError } from "../errors.ts";

/** What the command calls by a flag or a command's name, and the library by something else. */
const words: readonly (readonly [RegExp, string])[] = [
  [/--ignore-mac\b/g, "`ignoreMac: true`"],
  [/--input-type binary\b/g, '`format: "binary"`'],
  [/--input-type\b/g, "`format`"],
  [/--output-type\b/g, "`outputFormat`"],
  [/--layout\b/g, "`layout`"],
  [/--indent\b/g, "`indent`"],
  [/--extract\b/g, "`extract`"],
  [/--encryption-context\b/g, "its encryption context as"],
  [/--rm-…/g, "`remove`"],
  [/--add-…/g, "`add`"],
  [/`sopsmith edit` or `sopsmith set`/g, "`updateFile`"],
  [/`sopsmith edit`/g, "`updateFile`"],
  [/, quoted for the shell/g, ""],
  [/Name a file with -o, and put its path in/g, "Put the path of a key file in"],
  [/Run the command again/g, "Call it again"],
  [
    /To rewrite the file in place instead of replacing it, add --no-atomic; an interruption can then damage it\./g,
    "Write the returned content to the file yourself; an interruption can then damage it.",
  ],
];

/** A message or hint of the program in the library's words. */
export function inLibraryWords(text: string): string {
  return words.reduce((said, [flag, option]) => said.replaceAll(flag, option), text);
}

/**
 * What a function of the library throws for an error: in words of options instead of flags, and with the one exit status that belongs
 * to its code. Errors that are not `SopsmithError`s stay as they are.
 */
async function atBorder(error: unknown): Promise<unknown> {
  if (!(error instanceof SopsmithError)) return error;
  const { code, message, hint, file, path } = error;
  const { errorCodes } = await import("../error-codes.ts");
  const { status } = errorCodes[code];
  const exitCode = typeof status === "number" ? status : error.exitCode;
  const [said, advice] = [inLibraryWords(message), hint && inLibraryWords(hint)];
  if (exitCode === error.exitCode && said === message && advice === hint) return error;
  return new SopsmithError(code, exitCode, said, { hint: advice, cause: error, file, path });
}

/** Does a function's work, with its errors as the library's. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await atBorder(error);
  }
}
