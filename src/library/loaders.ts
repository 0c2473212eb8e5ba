import { checkOptions, path as pathCheck, variables } from "./argument.ts";
import { guarded } from "./border.ts";
import { decryptFile } from "./decrypt.ts";
import { openChecks, type OpenOptions } from "./options.ts";

/** Options of `loadEnv`. */
export interface LoadEnvOptions extends Omit<OpenOptions, "outputFormat" | "indent" | "layout"> {
  /** An object that gets the variables too, such as `process.env`; variables that it already has stay. */
  into?: Record<string, string | undefined> | undefined;
}

/** Options of `loadIni`. */
export type LoadIniOptions = Omit<OpenOptions, "outputFormat" | "indent" | "layout">;

const { outputFormat: _output, indent: _indent, layout: _layout, ...loadChecks } = openChecks;

/**
 * The variables of an encrypted ENV file, as the `dotenv` package reads its plain text: it removes quotes, `export` and comments after
 * values. `decryptFileObject`, like sops, keeps the text after `=` as it is.
 *
 * @param path the encrypted file
 * @throws {SopsmithError} as `decryptFile`
 * @example
 * await loadEnv(".env.enc", { format: "dotenv", into: process.env });
 */
export function loadEnv(
  path: string | URL,
  options: LoadEnvOptions = {},
): Promise<Record<string, string>> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, { ...loadChecks, into: variables });
    const { parse } = await import("dotenv");
    const { into, ...open } = options;
    const found = parse(Buffer.from(await decryptFile(path, { ...open, outputFormat: "dotenv" })));
    if (into) for (const [name, value] of Object.entries(found)) into[name] ??= value;
    return found;
  });
}

/**
 * An encrypted INI file, as the `ini` package reads its plain text: dotted sections are nested, `key[]` becomes a list, and booleans are
 * converted. `decryptFileObject`, like sops, returns only sections with strings.
 *
 * @param path the encrypted file
 * @throws {SopsmithError} as `decryptFile`
 * @example
 * const { mail } = await loadIni<{ mail: { host: string } }>("mail.ini");
 */
export function loadIni<T extends object = Record<string, unknown>>(
  path: string | URL,
  options: LoadIniOptions = {},
): Promise<T> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, loadChecks);
    const { parse } = await import("ini");
    const plain = Buffer.from(await decryptFile(path, { ...options, outputFormat: "ini" }));
    // What the caller says it is.
    return parse(plain.toString("utf8")) as T;
  });
}
