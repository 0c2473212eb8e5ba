import { resolve } from "node:path";
import type { FormatName } from "../formats/format.ts";
import { formatForPath, loadFormat } from "../formats/index.ts";
import { sealedFormat } from "./status.ts";
import { configuredIndent, configuredLayout, loadConfig } from "./config/loaded-config.ts";
import { decryptDocuments, decryptSource } from "./decrypt.ts";
import { changeSource } from "./change.ts";
import { encryptSource, type CommonOptions } from "./encrypt.ts";
import { ConfigError } from "./errors.ts";
import type { Host } from "./io/host.ts";
import { chooseLayout, type LayoutChoice } from "./layout/choice.ts";
import { localKeyService } from "./key-service/key-service.ts";
import { parseDecryptionOrder } from "./data-key/recover.ts";
import { providers } from "./keys/index.ts";
import type { KeyGroup, KeyType, MasterKey } from "./keys/provider.ts";
import { parseSelectors, type Selector } from "./metadata/selection.ts";
import { rotateSource } from "./rotate.ts";
import { find, map, type Documents, type Mapping, type Node } from "./tree/node.ts";
import { joinChunks } from "./tree/long-text.ts";
import { parsePath, setPath, unsetPath, type Path } from "./tree/path.ts";
import {
  documentsFromPlain,
  fromPlain,
  nodeToPlain,
  toPlain,
  type Plain,
  type PlainObject,
} from "./tree/plain.ts";

/** What every function takes. */
export interface CommonLibraryOptions {
  /**
   * Format of the source. Default: for an encrypted one the format that it certainly is in, else that of the file's name;
   * `yaml` where there is none.
   */
  format?: FormatName | undefined;
  /** Format of the result. Default: that of the source. */
  outputFormat?: FormatName | undefined;
  /** Indent width of the result; default as sops. */
  indent?: number | undefined;
  /**
   * "keep": an encrypted file keeps its author's layout; "sops": it looks as sops writes it. Default: `SOPSMITH_LAYOUT`, else the
   * configuration where one is read, else keep; sops where `indent` is given.
   */
  layout?: LayoutChoice | undefined;
  /** Called with one line for each thing that a user of the command would be warned of. */
  onWarning?: ((message: string) => void) | undefined;
  /** Stands in for environment variables, clock, randomness or files; default the process's own. */
  host?: Partial<Host> | undefined;
}

/** Who can decrypt: for each type the ids of its master keys, such as `{ age: ["age1…"] }`. Several groups share the data key. */
export type Recipients = { readonly [type in KeyType]?: string | readonly string[] };

export interface EncryptOptions extends CommonLibraryOptions {
  /** One key group, or several (Shamir). */
  recipients: Recipients | readonly Recipients[];
  /** How many groups are needed to decrypt; default all. */
  shamirThreshold?: number | undefined;
  unencryptedSuffix?: string | undefined;
  encryptedSuffix?: string | undefined;
  unencryptedRegex?: string | undefined;
  encryptedRegex?: string | undefined;
  unencryptedCommentRegex?: string | undefined;
  encryptedCommentRegex?: string | undefined;
  macOnlyEncrypted?: boolean | undefined;
}

export interface OpenOptions extends CommonLibraryOptions {
  /** age identities as text, tried beside those of the environment and the default key file. */
  identities?: string | readonly string[] | undefined;
  /** Skip the check that nobody changed the file without its key. */
  ignoreMac?: boolean | undefined;
  /** Key types to try first; default age, then pgp. */
  decryptionOrder?: readonly string[] | undefined;
}

export interface DecryptOptions extends OpenOptions {
  /** Only what is at this path: `["a", 0]` or the text `["a"][0]`. */
  extract?: Path | string | undefined;
}

export interface RotateOptions extends OpenOptions {
  add?: Recipients | undefined;
  remove?: Recipients | undefined;
}

/** Where the result of a `…File` function goes, beside being returned. */
export interface WriteOptions {
  /** Replace the file itself, atomically. */
  inPlace?: boolean | undefined;
  /** Write to this path, atomically. */
  output?: string | undefined;
}

export interface FileOptions {
  /** The configuration file to use; default: `SOPS_CONFIG`, else the nearest `.sops.yaml`. */
  config?: string | undefined;
}

/**
 * Encrypts a plain file's content.
 *
 * @returns the encrypted file
 * @throws {SopsmithError} exit codes as `sopsmith encrypt`
 */
export async function encrypt(
  source: string | Uint8Array,
  options: EncryptOptions,
): Promise<Uint8Array> {
  const host = await hostOf(options);
  return encryptNamed(source, options, "<input>", host, undefined);
}

/** Encrypts an object, or several for a stream of YAML documents. */
export async function encryptObject(
  value: PlainObject | readonly PlainObject[],
  options: EncryptOptions,
): Promise<Uint8Array> {
  const { sealNew } = await import("./encrypt.ts");
  const host = await hostOf(options);
  const common = commonOptions(options, "<object>", undefined, host);
  return joinChunks(
    await sealNew(
      documentsFromPlain(value),
      { ...common, ...(await sealOptions(options, host)) },
      host,
    ),
  );
}

/**
 * Encrypts a file with the given recipients, or those of the creation rule in `.sops.yaml` that matches its path.
 *
 * @returns the encrypted file
 */
export async function encryptFile(
  path: string,
  options: Partial<EncryptOptions> & WriteOptions & FileOptions = {},
): Promise<Uint8Array> {
  const host = await hostOf(options);
  const source = await host.readFile(path);
  const config = await loadConfig(
    options.config ?? host.env["SOPS_CONFIG"] ?? "",
    host,
    options.onWarning ?? ignore,
  );
  const format = options.outputFormat ?? formatForPath(path);
  const indent = options.indent ?? configuredIndent(config, format);
  const layout = layoutOf(options, host, configuredLayout(config, format));
  if (options.recipients !== undefined) {
    const sealed = await encryptNamed(
      source,
      { ...options, recipients: options.recipients, indent, layout },
      path,
      host,
      path,
    );
    return written(sealed, path, options);
  }
  const { mergeSelectors, selectRule } = await import("./config/match.ts");
  const rule =
    config && (await selectRule(config.content, config.path, resolve(host.cwd(), path), host));
  if (!rule) {
    throw new ConfigError("config file not found, or has no creation rules, and no keys provided", {
      hint: "Pass `recipients`, or write a .sops.yaml with creation_rules.",
    });
  }
  const chunks = await encryptSource(
    source,
    {
      ...commonOptions({ ...options, indent, layout }, path, path, host),
      keyGroups: rule.keyGroups,
      threshold: options.shamirThreshold ?? rule.threshold,
      selectors: mergeSelectors(selectorValues(options), rule),
      macOnlyEncrypted: options.macOnlyEncrypted === true || rule.macOnlyEncrypted,
    },
    host,
  );
  return written(joinChunks(chunks), path, options);
}

/**
 * Decrypts an encrypted file's content and checks its MAC.
 *
 * @returns the plain file, or the value at `extract`
 * @throws {SopsmithError} exit codes as `sopsmith decrypt`
 */
export async function decrypt(
  source: string | Uint8Array,
  options: DecryptOptions = {},
): Promise<Uint8Array> {
  const host = await hostOf(options);
  return decryptNamed(source, options, "<input>", host, undefined);
}

/** The same for a file. */
export async function decryptFile(
  path: string,
  options: DecryptOptions & WriteOptions = {},
): Promise<Uint8Array> {
  const host = await hostOf(options);
  return written(
    await decryptNamed(await host.readFile(path), options, path, host, path),
    path,
    options,
  );
}

/** Decrypts to a plain object: the first document. */
export async function readObject(
  source: string | Uint8Array,
  options: OpenOptions = {},
): Promise<PlainObject> {
  const host = await hostOf(options);
  return firstObject(await openedDocuments(bytesOf(source), options, "<input>", host, undefined));
}

/** The same for a file. */
export async function readFileObject(
  path: string,
  options: OpenOptions = {},
): Promise<PlainObject> {
  const host = await hostOf(options);
  return firstObject(await openedDocuments(await host.readFile(path), options, path, host, path));
}

/** The first document of a decrypted file, for `update` to change. Paths are `["a", 0]` or the text `["a"][0]`. */
export interface Document {
  get(path: Path | string): Plain | undefined;
  set(path: Path | string, value: Plain): void;
  /** @returns whether there was anything */
  unset(path: Path | string): boolean;
  toObject(): PlainObject;
}

/**
 * Decrypts, lets `change` set and unset values, and encrypts under the same data key: what was not changed keeps its ciphertext, comments stay.
 *
 * @returns the new file; the source itself when nothing changed
 */
export async function update(
  source: string | Uint8Array,
  change: (document: Document) => void | Promise<void>,
  options: OpenOptions = {},
): Promise<Uint8Array> {
  const host = await hostOf(options);
  const sealed = bytesOf(source);
  return updateNamed(
    sealed,
    change,
    await openOptions(options, sealed, "<input>", undefined, host),
    host,
  );
}

/** The same for a file, which is replaced atomically when anything changed. */
export async function updateFile(
  path: string,
  change: (document: Document) => void | Promise<void>,
  options: OpenOptions = {},
): Promise<Uint8Array> {
  const host = await hostOf(options);
  const source = await host.readFile(path);
  const changed = await updateNamed(
    source,
    change,
    await openOptions(options, source, path, path, host),
    host,
  );
  return changed === source ? changed : written(changed, path, { inPlace: true });
}

/** Encrypts a file's content again under a new data key, with master keys added and removed. */
export async function rotate(
  source: string | Uint8Array,
  options: RotateOptions = {},
): Promise<Uint8Array> {
  const host = await hostOf(options);
  return rotateNamed(bytesOf(source), options, "<input>", host, undefined);
}

/** The same for a file. */
export async function rotateFile(
  path: string,
  options: RotateOptions & WriteOptions = {},
): Promise<Uint8Array> {
  const host = await hostOf(options);
  return written(
    await rotateNamed(await host.readFile(path), options, path, host, path),
    path,
    options,
  );
}

/** The example that `sopsmith edit` starts a new file from, as text. */
export async function generateDocument(format: FormatName): Promise<Uint8Array> {
  const { example, emit } = await loadFormat(format);
  return joinChunks(emit(example(), { sealed: false }));
}

// One code path with the command line: what follows only turns options into those of the verbs.

async function encryptNamed(
  source: string | Uint8Array,
  options: EncryptOptions,
  file: string,
  host: Host,
  path: string | undefined,
): Promise<Uint8Array> {
  const all = {
    ...commonOptions(options, file, path, host),
    ...(await sealOptions(options, host)),
  };
  return joinChunks(await encryptSource(bytesOf(source), all, host));
}

async function decryptNamed(
  source: string | Uint8Array,
  options: DecryptOptions,
  file: string,
  host: Host,
  path: string | undefined,
): Promise<Uint8Array> {
  const extract =
    typeof options.extract === "string" ? parsePath(options.extract) : options.extract;
  const sealed = bytesOf(source);
  const chunks = await decryptSource(
    sealed,
    { ...(await openOptions(options, sealed, file, path, host)), extract },
    host,
  );
  const plain = joinChunks(chunks);
  // A long value left unencrypted may be a part of the source itself, which is the caller's.
  return plain.buffer === sealed.buffer ? Buffer.from(plain) : plain;
}

async function updateNamed(
  source: Uint8Array,
  change: (document: Document) => void | Promise<void>,
  options: Awaited<ReturnType<typeof openOptions>>,
  host: Host,
): Promise<Uint8Array> {
  const apply = async (documents: Documents): Promise<boolean> => {
    const document = (documents[0] ??= map([]));
    let changed = false;
    await change({
      get(path) {
        let node: Node | undefined = document;
        for (const step of treePath(document, path)) {
          if (node?.kind === "map" && typeof step === "string") node = find(node, step)?.value;
          else if (node?.kind === "seq" && typeof step === "number") node = node.items[step];
          else return undefined;
        }
        return node && nodeToPlain(node);
      },
      set(path, value) {
        if (setPath(document, treePath(document, path), fromPlain(value))) changed = true;
      },
      unset(path) {
        const removed = unsetPath(document, treePath(document, path));
        if (removed) changed = true;
        return removed;
      },
      toObject: () => toPlain(document),
    });
    return changed;
  };
  const chunks = await changeSource(source, options, apply, host);
  return chunks ? joinChunks(chunks) : source;
}

/** List positions of a plain object as positions in the tree, where comments count. */
function treePath(document: Mapping, path: Path | string): Path {
  const result: (string | number)[] = [];
  let node: Node | undefined = document;
  for (const step of typeof path === "string" ? parsePath(path) : path) {
    if (node?.kind === "seq" && typeof step === "number" && step >= 0) {
      let left = step;
      const at: number = node.items.findIndex((item) => item.kind !== "comment" && left-- === 0);
      result.push(at < 0 ? node.items.length : at);
      node = node.items[at];
    } else {
      result.push(step);
      node = node?.kind === "map" && typeof step === "string" ? find(node, step)?.value : undefined;
    }
  }
  return result;
}

async function rotateNamed(
  source: Uint8Array,
  options: RotateOptions,
  file: string,
  host: Host,
  path: string | undefined,
): Promise<Uint8Array> {
  const [add, remove] = await Promise.all([
    keysOf(options.add ?? {}, host),
    keysOf(options.remove ?? {}, host),
  ]);
  return joinChunks(
    await rotateSource(
      source,
      { ...(await openOptions(options, source, file, path, host)), add, remove },
      host,
    ),
  );
}

const ignore = (): void => undefined;

function commonOptions(
  options: CommonLibraryOptions,
  file: string,
  path: string | undefined,
  host: Host,
): CommonOptions {
  const input = options.format ?? (path === undefined ? "yaml" : formatForPath(path));
  const output = options.outputFormat ?? input;
  return {
    file,
    input,
    output,
    indent: options.indent,
    layout: layoutOf(options, host, undefined),
    services: [localKeyService],
    warn: options.onWarning ?? ignore,
  };
}

function layoutOf(
  { layout, indent }: CommonLibraryOptions,
  { env }: Host,
  configured: LayoutChoice | undefined,
): LayoutChoice {
  return chooseLayout({ flag: layout ?? "", hasIndent: indent !== undefined, env, configured });
}

async function openOptions(
  options: OpenOptions,
  sealed: Uint8Array,
  file: string,
  path: string | undefined,
  host: Host,
) {
  const order = parseDecryptionOrder(options.decryptionOrder?.join(","));
  const byName = commonOptions(options, file, path, host);
  const format = options.format ?? (await sealedFormat(sealed, byName.input));
  return {
    ...commonOptions({ ...options, format }, file, path, host),
    ignoreMac: options.ignoreMac ?? false,
    order,
  };
}

async function openedDocuments(
  sealed: Uint8Array,
  options: OpenOptions,
  file: string,
  host: Host,
  path: string | undefined,
): Promise<Documents> {
  return decryptDocuments(sealed, await openOptions(options, sealed, file, path, host), host);
}

async function sealOptions(
  options: EncryptOptions,
  host: Host,
): Promise<{
  keyGroups: KeyGroup[];
  threshold: number;
  selectors: Selector[];
  macOnlyEncrypted: boolean;
}> {
  const groups = Array.isArray(options.recipients)
    ? (options.recipients as readonly Recipients[])
    : [options.recipients as Recipients];
  return {
    keyGroups: await Promise.all(groups.map((group) => keysOf(group, host))),
    threshold: options.shamirThreshold ?? 0,
    selectors: parseSelectors(selectorValues(options)),
    macOnlyEncrypted: options.macOnlyEncrypted ?? false,
  };
}

function selectorValues(options: Partial<EncryptOptions>) {
  return {
    unencrypted_suffix: options.unencryptedSuffix,
    encrypted_suffix: options.encryptedSuffix,
    unencrypted_regex: options.unencryptedRegex,
    encrypted_regex: options.encryptedRegex,
    unencrypted_comment_regex: options.unencryptedCommentRegex,
    encrypted_comment_regex: options.encryptedCommentRegex,
  };
}

async function keysOf(recipients: Recipients, host: Host): Promise<MasterKey[]> {
  const keys: MasterKey[] = [];
  for (const provider of providers) {
    const ids = recipients[provider.type] ?? [];
    for (const id of typeof ids === "string" ? [ids] : ids)
      for (const one of await provider.parse(id, host)) keys.push(one);
  }
  return keys;
}

async function hostOf(
  options: CommonLibraryOptions & { identities?: string | readonly string[] | undefined },
): Promise<Host> {
  const { realHost } = await import("./io/real-host.ts");
  const host: Host = { ...realHost(), ...options.host };
  const { identities } = options;
  if (identities === undefined) return host;
  const given = typeof identities === "string" ? identities : identities.join("\n");
  const env = {
    ...host.env,
    SOPS_AGE_KEY: [host.env["SOPS_AGE_KEY"] ?? "", given].join("\n").trim(),
  };
  return { ...host, env };
}

async function written(
  content: Uint8Array,
  path: string,
  options: WriteOptions,
): Promise<Uint8Array> {
  const target = options.output ?? (options.inPlace === true ? path : undefined);
  if (target !== undefined) {
    const { replaceFile } = await import("./io/atomic-write.ts");
    await replaceFile(target, [content]);
  }
  return content;
}

const bytesOf = (source: string | Uint8Array): Uint8Array =>
  typeof source === "string" ? Buffer.from(source, "utf8") : source;

function firstObject(documents: Documents): PlainObject {
  return documents[0] ? toPlain(documents[0]) : {};
}
