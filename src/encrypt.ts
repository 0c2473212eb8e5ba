import { namingConflict } from "./conflict-markers.ts";
import { loadFormat } from "../formats/index.ts";
import type { Chunks, Format, FormatName, Warn } from "../formats/format.ts";
import { ConflictError, inFile, ParseError, SopsmithError } from "./errors.ts";
import { Nonces } from "./crypto/nonces.ts";
import { seal, type Audit } from "./file.ts";
import type { LayoutOptions } from "./layout/choice.ts";
import type { KeptText } from "./layout/kept-text.ts";
import type { Host } from "./io/host.ts";
import type { KeyService } from "./key-service/key-service.ts";
import { createDataKey } from "./data-key/wrap.ts";
import type { KeyGroup } from "./keys/provider.ts";
import { isSealed } from "./metadata/placement.ts";
import {
  compileSelection,
  defaultSelector,
  SELECTOR_LIST,
  type Selector,
} from "./metadata/selection.ts";
import type { Documents } from "./tree/node.ts";
import { SOPS_VERSION } from "./version.ts";

/** What every verb knows about the file at hand. */
export interface CommonOptions extends LayoutOptions {
  /** The file's name as the user knows it, for messages. */
  file: string;
  input: FormatName;
  output: FormatName;
  /** Indent width of the output; undefined is the format's default. */
  indent?: number | undefined;
  /** What wraps and unwraps the data key, in the order in which they are asked. */
  services: readonly KeyService[];
  audit?: Audit | undefined;
  /** Called with one line of text for what the user should know. */
  warn: Warn;
}

export interface EncryptOptions extends CommonOptions {
  keyGroups: KeyGroup[];
  /** How many groups are needed; 0 for all. */
  threshold: number;
  /** Settings of what is encrypted; none for the default. More than one is a conflict. */
  selectors: readonly Selector[];
  macOnlyEncrypted: boolean;
  /**
   * Looks at the decrypted documents, and at what will decide which of their values are encrypted, before a key is asked
   * for. What it throws ends the work.
   */
  review?: ((documents: Documents, selector: Selector) => Promise<void>) | undefined;
}

/** The plain file has a `sops` block. Exit 203. */
export class AlreadyEncrypted extends SopsmithError {
  constructor(file: string) {
    super(
      "already-encrypted",
      203,
      `The file you have provided contains a top-level entry called 'sops', or for
flat file formats top-level entries starting with 'sops_'. This is
generally due to the file already being encrypted (${file}).`,
      {
        file,
        hint: "To change an encrypted file use `sopsmith edit`; if this one is not encrypted, rename the entry.",
      },
    );
  }
}

/**
 * Encrypts a plain file: bytes in, bytes out.
 *
 * @throws {SopsmithError} naming the file: exit 2 for what cannot be parsed, 92 for no document, 203 for a file that is
 * encrypted already, 8 for two selectors, 1 for a pattern that does not compile or a key that cannot wrap, 23 and 4 as `seal`
 */
export async function encryptSource(
  source: Uint8Array,
  options: EncryptOptions,
  host: Host,
): Promise<Chunks> {
  const { file } = options;
  const [input, output] = await Promise.all([
    loadFormat(options.input),
    loadFormat(options.output),
  ]);
  const kept = input === output ? await keptText(source, input, options) : undefined;
  const documents = kept?.documents ?? parsePlain(source, input.parse, options);
  if (isSealed(documents, output.placement)) throw new AlreadyEncrypted(file);
  if (options.input === "binary") await refuseEnvelope(source, options);
  const text = options.input === "binary" ? undefined : source;
  return sealNew(documents, { ...options, source: text }, host, kept);
}

/** A plain text with its layout; undefined where that is not to be kept, or cannot be. */
export async function keptText(
  source: Uint8Array,
  format: Format,
  options: LayoutOptions,
): Promise<KeptText | undefined> {
  if (options.layout !== "keep" || format.layout === undefined) return undefined;
  const { readKept } = await import("./layout/kept-text.ts");
  return readKept(source, format, options);
}

/** To a binary file everything is content. One that was encrypted already is refused; an encrypted file of another format may be meant. */
async function refuseEnvelope(source: Uint8Array, { file, warn }: CommonOptions): Promise<void> {
  const { sealedFormat } = await import("./status.ts");
  const format = await sealedFormat(source, "binary");
  if (format === "binary") throw new AlreadyEncrypted(file);
  if (format !== undefined)
    warn(`this file is already encrypted (${format}); it is encrypted again, as binary`);
}

/** Parses a plain file; exit 2 for what cannot be parsed, 92 for an input without documents. */
export function parsePlain(
  source: Uint8Array,
  parse: (source: Uint8Array, options: { sealed: boolean; warn: Warn }) => Documents,
  { file, warn }: Pick<CommonOptions, "file" | "warn">,
): Documents {
  let documents: Documents;
  try {
    documents = parse(source, { sealed: false, warn });
  } catch (error) {
    throw error instanceof ParseError
      ? namingConflict(inFile(error, file, "Error unmarshalling file: ", 2), source)
      : error;
  }
  if (documents.length === 0) {
    throw new SopsmithError(
      "no-document",
      92,
      `File cannot be completely empty, it must contain at least one document (${file})`,
      { file },
    );
  }
  return documents;
}

/**
 * Encrypts documents for the first time: new data key, new metadata. Takes the documents over.
 *
 * @param kept the text that they are in, where its layout is kept
 */
export async function sealNew(
  documents: Documents,
  options: EncryptOptions & {
    /** The text that the documents were parsed from, for messages. */
    source?: Uint8Array | undefined;
  },
  host: Host,
  kept?: KeptText,
): Promise<Chunks> {
  const format = await loadFormat(options.output);
  const { selector, macOnlyEncrypted } = chooseSelector(options);
  // A bad pattern is refused before any key is asked for.
  await compileSelection(selector.value === "" ? defaultSelector : selector, {
    onBadPattern: "refuse",
    warn: options.warn,
  });
  await options.review?.(documents, selector);
  const { keyGroups, file, indent, services, audit, warn, explain } = options;
  const { dataKey, threshold } = await createDataKey(
    keyGroups,
    options.threshold,
    services,
    host,
  ).catch((error: unknown) => {
    throw error instanceof SopsmithError ? error.locate({ file }) : error;
  });
  try {
    const metadata = {
      keyGroups,
      shamirThreshold: threshold,
      lastModified: "",
      mac: "",
      macOnlyEncrypted,
      selector,
      version: SOPS_VERSION,
    };
    const opened = { documents, metadata, dataKey, nonces: new Nonces(host) };
    const how = {
      file,
      format,
      indent,
      source: options.source,
      audit,
      warn,
      explain,
      onBadPattern: "refuse" as const,
    };
    return await seal(opened, how, host, kept);
  } finally {
    dataKey.fill(0);
  }
}

function chooseSelector(options: EncryptOptions): {
  selector: Selector;
  macOnlyEncrypted: boolean;
} {
  const { selectors, macOnlyEncrypted, warn } = options;
  if (options.input === "binary") {
    // One value has nothing to select from: sops drops the settings and stores none.
    for (const { name } of selectors) {
      if (name !== "unencrypted_comment_regex")
        warn(`${name} is ignored: a binary file is encrypted as a whole`);
    }
    if (macOnlyEncrypted)
      warn("mac_only_encrypted is ignored: a binary file is encrypted as a whole");
    return { selector: { ...defaultSelector, value: "" }, macOnlyEncrypted: false };
  }
  const [first, second] = selectors;
  if (second)
    throw new ConflictError(`Error: cannot use more than one of ${SELECTOR_LIST} in the same file`);
  return { selector: first ?? defaultSelector, macOnlyEncrypted };
}
