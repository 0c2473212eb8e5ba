import { decryptDocuments, decryptSource } from "../decrypt.ts";
import type { Host } from "../io/host.ts";
import { toPlain, type PlainObject } from "../tree/plain.ts";
import { checkOptions, content, path as pathCheck } from "./argument.ts";
import { guarded } from "./border.ts";
import {
  decryptChecks,
  openChecks,
  writeChecks,
  type DecryptOptions,
  type OpenOptions,
  type WriteOptions,
} from "./options.ts";
import {
  checkWrite,
  contentSource,
  openOptions,
  owned,
  stepsOf,
  written,
  type Source,
} from "./source.ts";
import { hostOf, pathOf, readSource } from "./surroundings.ts";

/**
 * Decrypts an encrypted file's content, after checking that nobody changed it without its key (the MAC).
 *
 * @param source the encrypted content, text or bytes
 * @returns the plain file, or the value at `extract`
 * @throws {SopsmithError} with code `data-key-not-recovered` when no key opens it, `mac-mismatch` when it was changed, and for wrong arguments
 * @example
 * const text = Buffer.from(await decrypt(file)).toString();
 */
export function decrypt(
  source: string | Uint8Array,
  options: DecryptOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    content(source, "source");
    checkOptions(options, decryptChecks);
    return opened(contentSource(source), options, hostOf(options));
  });
}

/**
 * Decrypts an encrypted file, after checking that nobody changed it without its key (the MAC).
 *
 * @param path the encrypted file
 * @returns the plain file, or the value at `extract`; it is written only with `inPlace` or `output`
 * @throws {SopsmithError} with code `unreadable` for a missing file, `data-key-not-recovered` when no key opens it, `mac-mismatch` when it
 * was changed, and for wrong arguments
 * @example
 * const text = Buffer.from(await decryptFile(new URL("secrets.yaml", import.meta.url))).toString();
 */
export function decryptFile(
  path: string | URL,
  options: DecryptOptions & WriteOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, { ...decryptChecks, ...writeChecks });
    checkWrite(options);
    const host = hostOf(options);
    const source = await fileSource(path, host);
    return written(await opened(source, options, host), source, options, host);
  });
}

/**
 * Decrypts an encrypted file's content to a JavaScript object; if there are several YAML documents, the first. Timestamps become `Date`,
 * integers beyond 2^53 become bigint. An ENV file gives an object of strings, an INI file one of sections, a binary file `{ data }`.
 *
 * @typeParam T the type that you expect the file to have; nothing checks it at run time (`load` from `sopsmith/config` does)
 * @param source the encrypted content, text or bytes
 * @throws {SopsmithError} with code `data-key-not-recovered` when no key opens it, `mac-mismatch` when it was changed, and for wrong arguments
 * @example
 * const { db } = await decryptObject<{ db: { password: string } }>(file);
 */
export function decryptObject<T extends object = PlainObject>(
  source: string | Uint8Array,
  options: OpenOptions = {},
): Promise<T> {
  return guarded(async () => {
    content(source, "source");
    checkOptions(options, openChecks);
    return openedObject<T>(contentSource(source), options, hostOf(options));
  });
}

/**
 * Decrypts an encrypted file to a JavaScript object; if there are several YAML documents, the first. Timestamps become `Date`, integers
 * beyond 2^53 become bigint. An ENV file gives an object of strings, an INI file one of sections, a binary file `{ data }`.
 *
 * @typeParam T the type that you expect the file to have; nothing checks it at run time (`load` from `sopsmith/config` does)
 * @param path the encrypted file
 * @throws {SopsmithError} with code `unreadable` for a missing file, `data-key-not-recovered` when no key opens it, `mac-mismatch` when it
 * was changed, and for wrong arguments
 * @example
 * interface Secrets { db: { password: string } }
 * const { db } = await decryptFileObject<Secrets>("secrets.yaml");
 */
export function decryptFileObject<T extends object = PlainObject>(
  path: string | URL,
  options: OpenOptions = {},
): Promise<T> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, openChecks);
    const host = hostOf(options);
    return openedObject<T>(await fileSource(path, host), options, host);
  });
}

async function opened(source: Source, options: DecryptOptions, host: Host): Promise<Uint8Array> {
  const { extract } = options;
  const steps = extract === undefined ? undefined : stepsOf(extract, "options.extract");
  const open = await openOptions(options, source, host);
  return owned(await decryptSource(source.bytes, { ...open, extract: steps }, host), source.bytes);
}

async function openedObject<T extends object>(
  source: Source,
  options: OpenOptions,
  host: Host,
): Promise<T> {
  const [first] = await decryptDocuments(
    source.bytes,
    await openOptions(options, source, host),
    host,
  );
  // What the caller says it is.
  return (first ? toPlain(first) : {}) as T;
}

/** @throws {SopsmithError} for a file that cannot be read */
export async function fileSource(
  path: string | URL,
  host: Host,
): Promise<Source & { readonly path: string }> {
  const file = pathOf(path);
  return { bytes: await readSource(file, host), file, path: file };
}
