import { resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import { fileStatus, sealedFormat } from "../status.ts";
import type { Host } from "../io/host.ts";
import type { KeyGroup } from "../keys/provider.ts";
import { joinChunks } from "../tree/long-text.ts";
import { keptThreshold, keyDifference, parseSealedSource, rewrap } from "../update-keys.ts";
import {
  checkOptions,
  content,
  flag,
  format,
  InvalidArgument,
  kindOf,
  path as pathCheck,
} from "./argument.ts";
import { guarded } from "./border.ts";
import { loadedConfig, recipientsOf, selectionOf, type CreationRule } from "./creation-rule.ts";
import { fileSource } from "./decrypt.ts";
import {
  configChecks,
  formatOf,
  keyGroupsOf,
  remember,
  updateKeysChecks,
  writeChecks,
  type ConfigOptions,
  type FormatOptions,
  type UpdateKeysOptions,
  type WriteOptions,
} from "./options.ts";
import { checkWrite, contentSource, openOptions, written, type Source } from "./source.ts";
import { hostOf, surroundingsChecks, type Surroundings } from "./surroundings.ts";

/** Options of `isEncrypted` and `settingsOf`. */
export type InspectOptions = Pick<FormatOptions, "format"> & Surroundings;

const inspectChecks = { ...surroundingsChecks, format };

/**
 * Says whether a file, or its content, is encrypted by sopsmith or sops. Needs no key.
 *
 * @param sourceOrPath the content as `Uint8Array` or text, or a file's path. A `URL` is a path. A text is a path if it is a single line that
 * does not begin with `{`, because no encrypted file looks like that.
 * @throws {SopsmithError} with code `unreadable` for a missing file, `parse-error` for content that looks encrypted and cannot be parsed, and
 * for wrong arguments
 * @example
 * if (!(await isEncrypted("secrets.yaml"))) throw new Error("secrets.yaml is plain text");
 */
export function isEncrypted(
  sourceOrPath: string | Uint8Array | URL,
  options: InspectOptions = {},
): Promise<boolean> {
  return guarded(async () => {
    checkOptions(options, inspectChecks);
    const source = await sourceOf(sourceOrPath, hostOf(options));
    const input = await inputOf(source, options);
    if (input === undefined) return false;
    return (await fileStatus(source.bytes, { file: source.file, input })).encrypted;
  });
}

/**
 * Says to whom a file is encrypted, and how: its key groups, threshold and selection, named like the options of `encrypt`. Needs no key.
 *
 * @param sourceOrPath the content as `Uint8Array` or text, or a file's path. A `URL` is a path. A text is a path if it is a single line that
 * does not begin with `{`, because no encrypted file looks like that.
 * @throws {SopsmithError} with code `unreadable` for a missing file, `metadata-not-found` for one that is not encrypted, and for wrong
 * arguments
 * @example
 * const { recipients } = await settingsOf("secrets.yaml"); // [{ age: ["age1…"] }]
 */
export function settingsOf(
  sourceOrPath: string | Uint8Array | URL,
  options: InspectOptions = {},
): Promise<CreationRule> {
  return guarded(async () => {
    checkOptions(options, inspectChecks);
    const host = hostOf(options);
    const source = await sourceOf(sourceOrPath, host);
    const open = await openOptions(options, source, host);
    const { metadata } = await parseSealedSource(source.bytes, open);
    const { keyGroups, shamirThreshold, selector, macOnlyEncrypted } = metadata;
    const recipients = recipientsOf(keyGroups);
    remember(
      recipients,
      keyGroups.map((group) => group.map((key) => ({ ...key, enc: undefined }))),
    );
    return {
      recipients,
      ...(keyGroups.length > 1 ? { shamirThreshold } : {}),
      ...selectionOf(selector),
      ...(macOnlyEncrypted ? { macOnlyEncrypted } : {}),
    };
  });
}

/**
 * Wraps the data key of an encrypted file's content for other keys. Values stay as they are: anyone who could read the file before can still
 * read a copy of it; `rotate` makes a new data key.
 *
 * @param source the encrypted content, text or bytes
 * @returns the new encrypted file; the source itself if it already has these keys
 * @throws {SopsmithError} as `decrypt`, for a key that cannot encrypt, and for wrong arguments
 * @example
 * const changed = await updateKeys(file, { recipients: { age: ["age1…", "age1…"] } });
 */
export function updateKeys(
  source: string | Uint8Array,
  options: UpdateKeysOptions,
): Promise<Uint8Array> {
  return guarded(async () => {
    content(source, "source");
    checkOptions(options, updateKeysChecks, ["recipients"]);
    const host = hostOf(options);
    const keyGroups = await keyGroupsOf(options.recipients, host);
    return rewrapped(
      contentSource(source),
      { keyGroups, threshold: options.shamirThreshold ?? 0 },
      options,
      host,
    );
  });
}

/** Options of `updateKeysFile`. Without `recipients`, the settings come from the creation rule in `.sops.yaml` that matches the path. */
export type UpdateKeysFileOptions = Partial<UpdateKeysOptions> & WriteOptions & ConfigOptions;

/**
 * Wraps the data key of an encrypted file for the given keys, or else for those of the creation rule in `.sops.yaml` that matches its path.
 * Values stay as they are: anyone who could read the file before can still read a copy of it; `rotateFile` makes a new data key.
 *
 * @param path the encrypted file
 * @returns the new encrypted file; it is written only with `inPlace` or `output`
 * @throws {SopsmithError} as `decryptFile`, for a key that cannot encrypt, where no rule matches, and for wrong arguments
 * @example
 * await updateKeysFile("secrets.yaml", { inPlace: true });
 */
export function updateKeysFile(
  path: string | URL,
  options: UpdateKeysFileOptions = {},
): Promise<Uint8Array> {
  return guarded(async () => {
    pathCheck(path, "path");
    checkOptions(options, { ...updateKeysChecks, ...writeChecks, ...configChecks });
    checkWrite(options);
    const host = hostOf(options);
    const source = await fileSource(path, host);
    const wanted =
      options.recipients === undefined
        ? await ruled(source.path, options, host)
        : { keyGroups: await keyGroupsOf(options.recipients, host), threshold: 0 };
    const threshold = options.shamirThreshold ?? wanted.threshold;
    const changed = await rewrapped(
      source,
      { keyGroups: wanted.keyGroups, threshold },
      options,
      host,
    );
    return written(changed, source, options, host);
  });
}

interface Wanted {
  readonly keyGroups: readonly KeyGroup[];
  /** 0 for that of the file. */
  readonly threshold: number;
}

async function ruled(file: string, options: UpdateKeysFileOptions, host: Host): Promise<Wanted> {
  const config = await loadedConfig(options, host);
  const { selectRule } = await import("../config/match.ts");
  const rule =
    config && (await selectRule(config.content, config.path, resolve(host.cwd(), file), host));
  if (!rule)
    throw new ConfigError("config file not found, or has no creation rules, and no keys provided", {
      hint: "Pass `recipients`, or write a .sops.yaml with creation_rules.",
    });
  return rule;
}

async function rewrapped(
  source: Source,
  { keyGroups, threshold }: Wanted,
  options: Partial<UpdateKeysOptions>,
  host: Host,
): Promise<Uint8Array> {
  const open = await openOptions(options, source, host);
  const sealed = await parseSealedSource(source.bytes, open);
  const difference = keyDifference(sealed.metadata, keyGroups, threshold);
  if (difference.isEmpty && open.input === open.output) return source.bytes;
  const failed = "failed to update the keys: ";
  const after = keptThreshold(difference.threshold.after, keyGroups.length);
  return joinChunks(await rewrap(sealed, { ...open, keyGroups, threshold: after, failed }, host));
}

/** A new age key. */
export interface AgeKey {
  /** The private half: `AGE-SECRET-KEY-1…`. */
  readonly identity: string;
  /** The public half: `age1…`. */
  readonly recipient: string;
  /** The content of a key file with this key, as age-keygen writes it. */
  readonly keyFile: string;
}

/** Options of `keygen`. */
export interface KeygenOptions extends Pick<Surroundings, "now"> {
  /** Makes a post-quantum key. Default: false. */
  postQuantum?: boolean | undefined;
}

/**
 * Makes an age key, without storing it anywhere.
 *
 * @throws {SopsmithError} for wrong arguments
 * @example
 * const { identity, recipient } = await keygen();
 */
export function keygen(options: KeygenOptions = {}): Promise<AgeKey> {
  return guarded(async () => {
    checkOptions(options, { postQuantum: flag, now: surroundingsChecks.now });
    const { createKey } = await import("../keygen.ts");
    const { text, identity, recipient } = await createKey(
      options.postQuantum === true,
      hostOf(options),
    );
    return { identity, recipient, keyFile: text };
  });
}

async function sourceOf(sourceOrPath: string | Uint8Array | URL, host: Host): Promise<Source> {
  if (sourceOrPath instanceof Uint8Array) return contentSource(sourceOrPath);
  const isPath =
    typeof sourceOrPath === "string"
      ? sourceOrPath !== "" && !/[\r\n]/.test(sourceOrPath) && !/^\s*\{/.test(sourceOrPath)
      : sourceOrPath instanceof URL;
  if (isPath) {
    pathCheck(sourceOrPath, "path");
    return fileSource(sourceOrPath, host);
  }
  if (typeof sourceOrPath === "string") return contentSource(sourceOrPath);
  throw new InvalidArgument(
    "sourceOrPath",
    `expected content as text or a Uint8Array, or a path as text or a file: URL, not ${kindOf(sourceOrPath)}`,
  );
}

/** @returns undefined for what is not encrypted */
function inputOf({ bytes, path }: Source, options: InspectOptions) {
  return options.format ?? sealedFormat(bytes, formatOf(path) ?? "yaml");
}
