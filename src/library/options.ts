import type { FormatName } from "../../formats/format.ts";
import { formatForPath } from "../../formats/index.ts";
import type { CommonOptions } from "../encrypt.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { localKeyService } from "../key-service/key-service.ts";
import { providers } from "../keys/index.ts";
import type { KeyGroup, KeyType, MasterKey } from "../keys/provider.ts";
import { chooseLayout, type LayoutChoice } from "../layout/choice.ts";
import type { Path } from "../tree/path.ts";
import {
  flag,
  format,
  groups,
  InvalidArgument,
  keyType,
  layout,
  listOf,
  path,
  recipients,
  text,
  texts,
  treePath,
  wholeNumber,
  type Checks,
} from "./argument.ts";
import { surroundingsChecks, type Surroundings } from "./surroundings.ts";

/** How a source is read and a result is written. */
export interface FormatOptions {
  /**
   * Format of the source. Default: for an encrypted source, the format of its content; otherwise, the format that the file's name says
   * (`.yaml`, `.yml`, `.json`, `.env`, `.ini`, anything else is binary); for a source without a name, `"yaml"`.
   */
  format?: FormatName | undefined;
  /** Format of the result. Default: the format of the source. */
  outputFormat?: FormatName | undefined;
  /** Spaces per level of indentation in the result. Default: 4 in YAML, a tab in JSON. */
  indent?: number | undefined;
  /**
   * `"keep"`: an encrypted file keeps its author's comments, quotes and empty lines; `"sops"`: it looks the way sops writes it. Default: the
   * variable `SOPSMITH_LAYOUT`, or else what `.sops.yaml` says if it is read, or else `"keep"`; with `indent`, always `"sops"`.
   */
  layout?: LayoutChoice | undefined;
}

/**
 * Who can decrypt: one or more ids for each key type, written as for the command's flags: `{ age: "age1…" }`,
 * `{ kms: "arn:aws:kms:…" }`, `{ pgp: ["FINGERPRINT"] }`. Any one of the keys opens the file.
 */
export type Recipients = { readonly [type in KeyType]?: string | readonly string[] | undefined };

/** Which values are encrypted; at most one of these six options. Default: all values whose key does not end in `_unencrypted`. */
export interface SelectionOptions {
  /** Values below keys with this ending stay unencrypted. */
  unencryptedSuffix?: string | undefined;
  /** Only values below keys with this ending are encrypted. */
  encryptedSuffix?: string | undefined;
  /** Values below keys that match this Go regular expression stay unencrypted. */
  unencryptedRegex?: string | undefined;
  /** Only values below keys that match this Go regular expression are encrypted. */
  encryptedRegex?: string | undefined;
  /** Values with a comment that matches this Go regular expression stay unencrypted. */
  unencryptedCommentRegex?: string | undefined;
  /** Only values with a comment that matches this Go regular expression are encrypted. */
  encryptedCommentRegex?: string | undefined;
  /** The MAC covers only encrypted values, so that others may be edited by hand. Default: it covers all. */
  macOnlyEncrypted?: boolean | undefined;
}

/** Options of `encrypt` and `encryptObject`. */
export interface EncryptOptions extends FormatOptions, SelectionOptions, Surroundings {
  /** One group of keys, any of which opens the file, or several groups, of which `shamirThreshold` are needed. */
  recipients: Recipients | readonly Recipients[];
  /** How many of several groups are needed to decrypt. Default: all. */
  shamirThreshold?: number | undefined;
}

/** Options of every function that decrypts. */
export interface OpenOptions extends FormatOptions, Surroundings {
  /**
   * age identities: `AGE-SECRET-KEY-1…`, plugin identities, or the content of a key file. They are tried in addition to those in the
   * environment and in the default key file. No child process gets them.
   */
  identities?: string | readonly string[] | undefined;
  /** Skips the check that nobody changed the file without its key. Default: false. */
  ignoreMac?: boolean | undefined;
  /** Key types to try first. Default: `["age", "pgp"]`. */
  decryptionOrder?: readonly KeyType[] | undefined;
}

/** Options of `decrypt`. */
export interface DecryptOptions extends OpenOptions {
  /** Only the value at this path: `["a", 0]`, or the text `["a"][0]`. */
  extract?: Path | string | undefined;
}

/** Options of `rotate`. */
export interface RotateOptions extends OpenOptions {
  /** Keys that can also open the new file. */
  add?: Recipients | undefined;
  /** Keys that can no longer open the new file. */
  remove?: Recipients | undefined;
}

/** Options of `updateKeys`. */
export interface UpdateKeysOptions extends OpenOptions {
  /** The only keys that the file should have: one group, or several. */
  recipients: Recipients | readonly Recipients[];
  /** How many of several groups are needed to decrypt. Default: as many as before, at most all. */
  shamirThreshold?: number | undefined;
}

/**
 * Where the result of a function whose name ends in `File` goes. All of them follow one rule: they return the result, and write a file only
 * with `inPlace` or `output`, atomically. A file whose content would stay the same is left alone.
 */
export interface WriteOptions {
  /** Replaces the file that was read. Default: false. */
  inPlace?: boolean | undefined;
  /** The file to write. */
  output?: string | URL | undefined;
}

/** Which configuration is read. */
export interface ConfigOptions {
  /** The configuration file. Default: the variable `SOPS_CONFIG`, or else the nearest `.sops.yaml` upwards from the working directory. */
  config?: string | URL | undefined;
}

const formatChecks = {
  format,
  outputFormat: format,
  indent: wholeNumber(0, 100),
  layout,
} satisfies Checks;

const selectionChecks = {
  unencryptedSuffix: text,
  encryptedSuffix: text,
  unencryptedRegex: text,
  encryptedRegex: text,
  unencryptedCommentRegex: text,
  encryptedCommentRegex: text,
  macOnlyEncrypted: flag,
} satisfies Checks;

const keysChecks = { recipients: groups, shamirThreshold: wholeNumber(1, 255) } satisfies Checks;

export const encryptChecks: Checks = {
  ...formatChecks,
  ...selectionChecks,
  ...surroundingsChecks,
  ...keysChecks,
};

export const openChecks: Checks = {
  ...formatChecks,
  ...surroundingsChecks,
  identities: texts,
  ignoreMac: flag,
  decryptionOrder: listOf(keyType),
};

export const decryptChecks: Checks = { ...openChecks, extract: treePath };
export const rotateChecks: Checks = { ...openChecks, add: recipients, remove: recipients };
export const updateKeysChecks: Checks = { ...openChecks, ...keysChecks };
export const writeChecks: Checks = { inPlace: flag, output: path };
export const configChecks: Checks = { config: path };

/** What the verbs want to know about the file at hand. */
export function commonOptions(
  options: FormatOptions & Surroundings,
  { file, format: byContent, configured, configuredIndent }: SourceFacts,
  host: Host,
): CommonOptions {
  const input = options.format ?? byContent ?? "yaml";
  return {
    file,
    input,
    output: options.outputFormat ?? input,
    indent: options.indent ?? configuredIndent,
    layout: chooseLayout({
      flag: options.layout ?? "",
      hasIndent: options.indent !== undefined,
      env: host.env,
      configured,
    }),
    services: [localKeyService],
    warn: (message) => options.onWarning?.(message),
  };
}

/** What is known of a source. */
export interface SourceFacts {
  /** What messages call it. */
  readonly file: string;
  /** What its name or its content says. */
  readonly format?: FormatName | undefined;
  /** The layout and the indent of the configuration. */
  readonly configured?: LayoutChoice | undefined;
  readonly configuredIndent?: number | undefined;
}

export const formatOf = (path: string | undefined): FormatName | undefined =>
  path === undefined ? undefined : formatForPath(path);

/** The groups of keys that came from a creation rule, with what their ids do not say, such as an AWS profile. */
const exactGroups = new WeakMap<object, readonly KeyGroup[]>();

export function remember(recipients: readonly Recipients[], exact: readonly KeyGroup[]): void {
  exactGroups.set(recipients, exact);
}

/**
 * Keys of groups.
 *
 * @throws {InvalidArgument} for groups without any key
 * @throws {SopsmithError} exit 1 for an id that names no key, naming its place in the options
 */
export async function keyGroupsOf(
  given: Recipients | readonly Recipients[],
  host: Host,
): Promise<KeyGroup[]> {
  const exact = exactGroups.get(given);
  if (exact !== undefined) return exact.map((group) => group.map((key) => ({ ...key })));
  const found = isList(given)
    ? await Promise.all(given.map((one, i) => keysOf(one, `options.recipients[${i}]`, host)))
    : [await keysOf(given, "options.recipients", host)];
  if (found.flat().length === 0)
    throw new InvalidArgument("options.recipients", "it contains no key", {
      hint: 'Give at least one, such as { age: "age1…" }.',
    });
  return found;
}

const isList = (given: Recipients | readonly Recipients[]): given is readonly Recipients[] =>
  Array.isArray(given);

export async function keysOf(given: Recipients, at: string, host: Host): Promise<MasterKey[]> {
  const keys: MasterKey[] = [];
  for (const { type, parse } of providers) {
    const ids = given[type] ?? [];
    const isOne = typeof ids === "string";
    for (const [i, id] of (isOne ? [ids] : ids).entries()) {
      const place = isOne ? `${at}.${type}` : `${at}.${type}[${i}]`;
      try {
        for (const one of await parse(id, host)) keys.push(one);
      } catch (error) {
        if (!(error instanceof SopsmithError)) throw error;
        const { code, exitCode, message, hint } = error;
        throw new SopsmithError(code, exitCode, `${place}: ${message}`, { hint, cause: error });
      }
    }
  }
  return keys;
}
