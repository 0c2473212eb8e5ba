import { resolve } from "node:path";
import { configuredIndent, configuredLayout } from "../config/loaded-config.ts";
import { encryptSource } from "../encrypt.ts";
import { ConfigError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { parseSelectors, type Selector, type SelectorValues } from "../metadata/selection.ts";
import type { KeyGroup } from "../keys/provider.ts";
import { joinChunks } from "../tree/long-text.ts";
import { documentsFromPlain, type Plain } from "../tree/plain.ts";
import { checkOptions, content, InvalidArgument, kindOf, path as pathCheck } from "./argument.ts";
import { guarded } from "./border.ts";
import { loadedConfig } from "./creation-rule.ts";
import {
  commonOptions,
  configChecks,
  encryptChecks,
  formatOf,
  keyGroupsOf,
  writeChecks,
  type ConfigOptions,
  type EncryptOptions,
  type SelectionOptions,
  type WriteOptions,
} from "./options.ts";
import { checkWrite, contentSource, written } from "./source.ts";
import { hostOf, pathOf, readSource } from "./surroundings.ts";

/**
 * Encrypts plain content: the text or bytes of a YAML, JSON, ENV, INI or binary file.
 *
 * @param source the plain content
 * @returns the encrypted file, as sops reads it
 * @throws {SopsmithError} for content that is already encrypted or cannot be parsed, for a key that cannot encrypt, and for wrong arguments
 * @example
 * const file = await encrypt("password: s3cret\n", { recipients: { age: "age1…" } });
 */
export function encrypt(source: string | Uint8Array, options: EncryptOptions): Promise<Uint8Array> {
  return guarded(async () => {
    content(source, "source");
    checkOptions(options, encryptChecks, ["recipients"]);
    const host = hostOf(options);
    const { bytes, file } = contentSource(source);
    const chunks = await encryptSource(
      bytes,
      { ...commonOptions(options, { file }, host), ...(await sealOptions(options, host)) },
      host,
    );
    return joinChunks(chunks);
  });
}

/** What a document can hold: strings, numbers, bigints, booleans, null, dates, bytes, and arrays and plain objects of these. */
export type Storable<T> = unknown extends T
  ? T
  : T extends Plain
    ? T
    : T extends ((...args: never) => unknown) | symbol | undefined
      ? never
      : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | Promise<unknown>
        ? never
        : { [Key in keyof T]: Storable<T[Key]> };

/**
 * Encrypts an object, or an array of objects as a stream of YAML documents. A `Date` becomes a timestamp, a `Uint8Array` bytes, a bigint an
 * integer of at most 64 bits. What no document can hold is refused with its path: `undefined`, functions, symbols, instances of classes
 * (`Map` and `Set` too), and objects that contain themselves.
 *
 * @returns the encrypted file: YAML, or what `outputFormat` or `format` says
 * @throws {SopsmithError} with code `unsupported-value` and `path` for what cannot be stored
 * @example
 * const file = await encryptObject({ db: { user: "app", since: new Date() } }, { recipients: { age: "age1…" } });
 */
export function encryptObject<T extends object>(
  value: T & Storable<T>,
  options: EncryptOptions,
): Promise<Uint8Array> {
  return guarded(async () => {
    if (typeof value !== "object" || (value as unknown) === null)
      throw new InvalidArgument("value", `expected an object, not ${kindOf(value)}`);
    if (Array.isArray(value) && value.length === 0)
      throw new InvalidArgument("value", "expected at least one object");
    checkOptions(options, encryptChecks, ["recipients"]);
    const host = hostOf(options);
    const documents = documentsFromPlain(value);
    const { sealNew } = await import("../encrypt.ts");
    const common = commonOptions(options, { file: "<object>" }, host);
    return joinChunks(
      await sealNew(documents, { ...common, ...(await sealOptions(options, host)) }, host),
    );
  });
}

/** Options of `encryptFile`. Without `recipients`, keys and settings come from the creation rule in `.sops.yaml` that matches the path. */
export type EncryptFileOptions = Partial<EncryptOptions> & WriteOptions & ConfigOptions;

/**
 * Encrypts a plain file to the given recipients, or else to those of the creation rule in `.sops.yaml` that matches its path.
 *
 * @param path the plain file
 * @returns the encrypted file; it is written only with `inPlace` or `output`
 * @throws {SopsmithError} for a file that is missing, encrypted already or cannot be parsed, without any recipients, and for wrong arguments
 * @example
 * await encryptFile("secrets.yaml", { inPlace: true });
 */
export function encryptFile(
  path: string | URL,
  options: EncryptFileOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, { ...encryptChecks, ...writeChecks, ...configChecks });
    checkWrite(options);
    const host = hostOf(options);
    const file = pathOf(path);
    const bytes = await readSource(file, host);
    const config = await loadedConfig(options, host);
    const format = options.outputFormat ?? options.format ?? formatOf(file) ?? "binary";
    const common = commonOptions(
      options,
      {
        file,
        format: formatOf(file),
        configured: configuredLayout(config, format),
        configuredIndent: configuredIndent(config, format),
      },
      host,
    );
    const settings =
      options.recipients === undefined
        ? await ruled(file, options, config, host)
        : await sealOptions({ ...options, recipients: options.recipients }, host);
    const chunks = await encryptSource(bytes, { ...common, ...settings }, host);
    return written(joinChunks(chunks), { bytes, file, path: file }, options, host);
  });
}

interface SealSettings {
  readonly keyGroups: KeyGroup[];
  readonly threshold: number;
  readonly selectors: Selector[];
  readonly macOnlyEncrypted: boolean;
}

/** The settings of the creation rule, with those of the options before them. */
async function ruled(
  file: string,
  options: EncryptFileOptions,
  config: Awaited<ReturnType<typeof loadedConfig>>,
  host: Host,
): Promise<SealSettings> {
  const { mergeSelectors, selectRule } = await import("../config/match.ts");
  const rule =
    config && (await selectRule(config.content, config.path, resolve(host.cwd(), file), host));
  if (!rule)
    throw new ConfigError("config file not found, or has no creation rules, and no keys provided", {
      hint: "Pass `recipients`, or write a .sops.yaml with creation_rules.",
    });
  return {
    keyGroups: rule.keyGroups,
    threshold: options.shamirThreshold ?? rule.threshold,
    selectors: mergeSelectors(selectorValues(options), rule),
    macOnlyEncrypted: options.macOnlyEncrypted === true || rule.macOnlyEncrypted,
  };
}

async function sealOptions(options: EncryptOptions, host: Host): Promise<SealSettings> {
  return {
    keyGroups: await keyGroupsOf(options.recipients, host),
    threshold: options.shamirThreshold ?? 0,
    selectors: parseSelectors(selectorValues(options)),
    macOnlyEncrypted: options.macOnlyEncrypted ?? false,
  };
}

function selectorValues(options: SelectionOptions): SelectorValues {
  return {
    unencrypted_suffix: options.unencryptedSuffix,
    encrypted_suffix: options.encryptedSuffix,
    unencrypted_regex: options.unencryptedRegex,
    encrypted_regex: options.encryptedRegex,
    unencrypted_comment_regex: options.unencryptedCommentRegex,
    encrypted_comment_regex: options.encryptedCommentRegex,
  };
}
