import type { Host } from "../io/host.ts";
import type { Mapping, Node } from "../tree/node.ts";
import { ConfigError, SopsmithError } from "../errors.ts";

/** The type of a key, as it is named in files: AWS KMS, Google Cloud KMS, HuaweiCloud KMS, Azure Key Vault, HashiCorp Vault, PGP, age. */
export type KeyType = "kms" | "gcp_kms" | "hckms" | "azure_kv" | "hc_vault" | "pgp" | "age";

/** One wrapped copy of the data key (or of a group's share of it), as it is in the `sops` block. */
export interface MasterKey {
  /** Metadata list and order id: `age`, `pgp`, `kms`, … (spec keys 1.2). */
  readonly type: KeyType;
  /** Display string (spec keys 1.4): shown in errors and diffs, compared by `--rm-*`. */
  readonly id: string;
  /** The stored fields but `enc` (spec keys 1.3), each once, under its exact name, normalised as they are written. */
  fields: Mapping;
  /** The wrapped part as text; undefined until wrapped. */
  enc: string | undefined;
}

/** Length of a data key, in bytes. */
export const DATA_KEY_LENGTH = 32;

/** Any one of the keys opens the group's part of the data key. */
export type KeyGroup = MasterKey[];

/** A field of a stored key but `enc`, which every type has. */
export interface StoredField {
  readonly name: string;
  /** `time` must be there and be RFC 3339; a missing `text` reads as ""; `text-map` holds texts and nulls by name. */
  readonly kind: "text" | "time" | "text-map";
  /** Left out of the file when empty. */
  readonly omitEmpty?: boolean;
}

/**
 * What the display string of a key tells by its form alone: nothing is looked up, and the text may be malformed. People
 * spell one key in several ways.
 */
export interface KeyIds {
  /** How a key looks as a whole, or how it begins. No key has the form of two types. */
  readonly form: RegExp;
  /** What looks like a key in the middle of a message. */
  readonly inMessage?: RegExp;
  /** A text that is equal for two spellings of one key; default: the display string. */
  same?(id: string): string;
  /** A few characters for people to tell keys apart, not enough to use the key; default: the display string. */
  short?(id: string): string;
  /** The name that a key carries in itself, as the first group, and where such a name comes from. */
  readonly name?: { readonly pattern: RegExp; readonly source: "ssh comment" | "cloud name" };
  /** The part of the text of `same` that every file with the key has; default: all of it. */
  stored?(same: string): string;
  /** In files, its letters may be of either case. */
  readonly isAnyCase?: boolean;
}

/** What an item of the type's list in a rule's `key_groups` is (spec keys 1.2). */
export type RuleItem =
  | {
      readonly kind: "text";
      /** An empty text makes sops crash. */
      readonly refusesEmpty?: boolean;
    }
  | {
      readonly kind: "map";
      /** Its texts. */
      readonly fields: readonly string[];
      /** Those of them that tell which key it is. */
      readonly idFields: readonly string[];
      /** The display string, as far as `idFields` tell it; default: the one text. */
      join?(...texts: string[]): string;
      /** The texts that an item has, from one that `parse` takes. */
      split(text: string): Record<string, string>;
      /** It also has the texts of an encryption context, by name. */
      readonly hasContext?: boolean;
    };

/**
 * A master key type. Every part of the program that must know the types (options, configuration, metadata, decryption
 * order) loops over the registry in index.ts.
 */
export interface KeyProvider {
  readonly type: KeyType;
  /** What the type is called in messages: `age`, `AWS KMS`. */
  readonly label: string;
  /** The stem of `--age`, `--add-age`, `--rm-age`. */
  readonly flag: string;
  /** `a` for `-a`, short for `--age`. */
  readonly shortFlag?: string;
  /** What its keys are called in help; default: the label and `keys`. */
  readonly plural?: string;
  /** Environment variable bound to the flag. */
  readonly env: string;
  /** Fields of a creation rule: flat form and inside `key_groups`. */
  readonly configField: string;
  readonly groupField: string;
  /** What sops calls the flat field in its messages; default: `configField`. */
  readonly configFieldName?: string;
  /** sops decodes the flat field as a list of texts; others take a text or a list, and are looked at later (spec config 4.1). */
  readonly isTextList?: boolean;
  readonly ruleItem: RuleItem;
  /** Ranks of the type where keys are in other orders than the registry's: in a rule's group (spec keys 1.5), among flags (spec cli 4.6). */
  readonly order: { readonly rule: number; readonly flags: number };
  readonly ids: KeyIds;
  /** In ascending byte order. */
  readonly storedFields: readonly StoredField[];
  /** The list is written inside a key group even when it is empty (spec file-format 5.2). */
  readonly inEveryGroup: boolean;
  /** Its keys are used over the network: several may be asked at the same time, and `signal` gives up on one. */
  readonly isRemote: boolean;
  /** How `--verbose` tells of a key of this type, in the words of sops. */
  readonly logged: {
    /** `PGP` in `[PGP] … msg="Encryption succeeded" fingerprint=…` */
    readonly topic: string;
    /** The name of the field that holds `id`. */
    readonly field: string;
    /** Default: `succeeded`. */
    readonly success?: string;
  };
  /** Keys older than this many days are due for rotation; never without it (spec keys section 10). */
  readonly rotationDays?: number;
  /**
   * Display string of a stored entry.
   *
   * @throws {SopsmithError} exit 1 for an entry that makes the whole file unreadable (spec keys 1.3)
   */
  identify(fields: Mapping): string;
  /**
   * Keys named by a flag's or a rule's comma-separated text, with the fields to store. No key for the empty text.
   *
   * @throws {SopsmithError} exit 1 for text that names no key
   */
  parse(text: string, host: Host): MasterKey[] | Promise<MasterKey[]>;
  /**
   * Keys named by one item of the type's list in a rule's `key_groups`: a text for some types, a mapping for others
   * (spec keys 1.2). Types are as in the YAML tree; nothing is converted.
   *
   * @throws {SopsmithError} exit 1 for an item of the wrong shape or one that names no key
   */
  parseItem(item: Node, host: Host): MasterKey[] | Promise<MasterKey[]>;
  /**
   * Could the text be the `enc` that this type writes for a key? Looks at its form only.
   *
   * @param id the key's display string
   */
  isWrapped(enc: string, id: string): boolean | Promise<boolean>;
  /**
   * Wraps a part (32 bytes, or 33 for a Shamir share) for one key; returns the text of `enc`.
   *
   * @param signal ends the attempt of a remote key with an error; others take no notice of it
   * @throws {SopsmithError} saying why this key cannot wrap
   */
  wrap(key: MasterKey, part: Uint8Array, host: Host, signal?: AbortSignal): Promise<string>;
  /**
   * @param signal as for `wrap`
   * @returns the part; the caller fills it with zeros after use
   * @throws {UnwrapError}
   */
  unwrap(key: MasterKey, host: Host, signal?: AbortSignal): Promise<Uint8Array>;
}

/**
 * Why a key could not be unwrapped, from what is nearest to success to what is farthest from it:
 * `damaged` its private half is at hand but the wrapped part does not open; `source` a place that may hold the private
 * half could not be read; `missing` no private half was found; `unusable` this program cannot use keys of that type.
 */
export const unwrapFailures = ["damaged", "source", "missing", "unusable"] as const;
export type UnwrapFailure = (typeof unwrapFailures)[number];

/** One master key's failure. `message` is that key's reason, as the report shows it below the key. Exit 128; 1 where a package is missing. */
export class UnwrapError extends SopsmithError {
  readonly failure: UnwrapFailure;
  /** What to do about it: without a full stop, then the report adds `: ` and the keys; or a whole sentence with one. */
  readonly remedy: string;
  /** The reason without what the report says elsewhere. */
  readonly summary: string | undefined;
  /** Recipients whose identities were at hand. */
  held: readonly string[] = [];
  /** The places that were looked at for the private half. */
  readonly sources: readonly string[];

  constructor(
    message: string,
    options: {
      failure: UnwrapFailure;
      remedy: string;
      summary?: string;
      sources?: readonly string[];
      /** The status of a program that can open no key of the file for this reason; default 128. */
      exitCode?: number;
      cause?: unknown;
    },
  ) {
    super("unwrap-failed", options.exitCode ?? 128, message, { cause: options.cause });
    this.failure = options.failure;
    this.remedy = options.remedy;
    this.summary = options.summary;
    this.sources = options.sources ?? [];
  }
}

/** The account of a pod could not log in where a key is kept: its remedy is about that account, and holds in a cluster as it is. */
export class LoginError extends UnwrapError {}

/** Text that names no key of its type. Exit 1. */
export class KeySyntaxError extends SopsmithError {
  constructor(message: string, options?: ErrorOptions) {
    super("key-syntax", 1, message, options);
  }
}

/** The text of an item of a list of texts; a number counts as its digits, as in Go's YAML. */
export function itemText(item: Node, field: string): string {
  if (item.kind === "str") return item.value;
  if (item.kind === "int") return item.value.toString();
  throw new ConfigError(`expected a string in '${field}'`);
}
