import { decryptFile, type DecryptOptions } from "./library.ts";

/**
 * The variables of an encrypted ENV file as the `dotenv` package reads its plaintext: quotes taken off, `export` and inline comments
 * understood. sops itself, and so `readFileObject`, keeps the text after `=` as it is.
 *
 * @param options.into also put them here, such as `process.env`; variables that are there already stay
 */
export async function loadEnv(
  path: string,
  options: DecryptOptions & { into?: Record<string, string | undefined> | undefined } = {},
): Promise<Record<string, string>> {
  const { parse } = await import("dotenv");
  const variables = parse(
    Buffer.from(await decryptFile(path, { ...options, outputFormat: "dotenv" })),
  );
  const { into } = options;
  if (into) for (const [name, value] of Object.entries(variables)) into[name] ??= value;
  return variables;
}

/**
 * An encrypted INI file as the `ini` package reads its plaintext: dotted sections nested, `key[]` as lists, booleans converted. sops itself,
 * and so `readFileObject`, knows only sections of strings.
 */
export async function loadIni(
  path: string,
  options: DecryptOptions = {},
): Promise<Record<string, unknown>> {
  const { parse } = await import("ini");
  const text = Buffer.from(await decryptFile(path, { ...options, outputFormat: "ini" }));
  return parse(text.toString("utf8"));
}
