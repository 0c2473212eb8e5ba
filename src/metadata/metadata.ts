import { SopsmithError } from "../errors.ts";
import { providers } from "../keys/index.ts";
import type { KeyGroup, KeyProvider, MasterKey, StoredField } from "../keys/provider.ts";
import {
  bool,
  entry,
  find,
  int,
  map,
  nil,
  seq,
  str,
  type Entry,
  type Mapping,
  type Node,
} from "../tree/node.ts";
import {
  fieldPath,
  readBool,
  readInt,
  readMappings,
  readText,
  readTimeText,
  readTextMap,
  TimeError,
} from "../tree/typed-fields.ts";
import { normalTime } from "../go/time.ts";
import { textLeaf } from "../tree/text.ts";
import { defaultSelector, SELECTOR_LIST, SELECTOR_NAMES, type Selector } from "./selection.ts";
import { checkVersion } from "./version.ts";

/** The `sops` block of a file. */
export interface Metadata {
  /** In file order; keys of a group by type in the registry's order. */
  keyGroups: KeyGroup[];
  /** How many groups are needed; 0 when the file does not say. */
  shamirThreshold: number;
  /** RFC 3339 in seconds: also the MAC's additional data. */
  lastModified: string;
  /** The encrypted MAC; "" when the file has none. */
  mac: string;
  macOnlyEncrypted: boolean;
  /** With the empty value nothing is written (binary files). */
  selector: Selector;
  /** The program version that encrypted the file. */
  version: string;
}

/** A block without a single key. Exit 1. */
export class NoKeysFound extends SopsmithError {
  constructor() {
    super("no-keys-found", 1, "No keys found in file", {
      hint: "The `sops` block lost its list of keys; restore it from version control.",
    });
  }
}

/** A block with two rules of what is encrypted. Exit 1. */
export class SelectorConflict extends SopsmithError {
  constructor() {
    super("selector-conflict", 1, `Cannot use more than one of ${SELECTOR_LIST} in the same file`);
  }
}

/** A stored key before its times were looked at: a wrong type anywhere is reported before a wrong time. */
interface RawKey {
  provider: KeyProvider;
  fields: Mapping;
  enc: string;
  path: string;
}

/**
 * Reads a block. Checks types, `lastmodified`, the keys, the selectors and the version, in this order.
 *
 * @throws {FieldError | TimeError | NoKeysFound | SelectorConflict | VersionError} exit 1, from sops's own messages
 */
export function parseMetadata(block: Mapping): Metadata {
  const lastModifiedText = readTimeText(block, "lastmodified");
  const shamirThreshold = readInt(block, "shamir_threshold");
  const mac = readText(block, "mac");
  const macOnlyEncrypted = readBool(block, "mac_only_encrypted");
  const version = readText(block, "version");
  const selectors = SELECTOR_NAMES.map((name) => ({ name, value: readText(block, name) })).filter(
    ({ value }) => value !== "",
  );
  const flatGroup = readGroup(block, "");
  const groups = readMappings(block, "key_groups").map((group, index) =>
    readGroup(group, `key_groups[${index}]`),
  );

  const lastModified = normalTime(lastModifiedText);
  if (lastModified === undefined) throw new TimeError("lastmodified");
  // The flat lists win: `key_groups` beside them is ignored, as sops does.
  const keyGroups = (flatGroup.length > 0 ? [flatGroup] : groups).map((group) =>
    group.map(checkKey),
  );
  if (!keyGroups.some((group) => group.length > 0)) throw new NoKeysFound();
  if (selectors.length > 1) throw new SelectorConflict();
  checkVersion(version);
  const selector = selectors[0] ?? defaultSelector;
  return { keyGroups, shamirThreshold, lastModified, mac, macOnlyEncrypted, selector, version };
}

function readGroup(holder: Mapping, path: string): RawKey[] {
  return providers.flatMap((provider) =>
    readMappings(holder, provider.type, path).map((stored, index) => {
      const keyPath = `${fieldPath(path, provider.type)}[${index}]`;
      const fields = provider.storedFields.flatMap((field) => readStored(stored, field, keyPath));
      return {
        provider,
        fields: map(fields),
        enc: readText(stored, "enc", keyPath),
        path: keyPath,
      };
    }),
  );
}

/** The field as it is written again; none when it is left out. A time is still as it was read. */
function readStored(stored: Mapping, field: StoredField, path: string): Entry[] {
  if (field.kind !== "text-map") {
    const read = field.kind === "time" ? readTimeText : readText;
    const text = read(stored, field.name, path);
    return text === "" && field.omitEmpty === true ? [] : [entry(field.name, textLeaf(text))];
  }
  const texts = readTextMap(stored, field.name, path);
  if (texts.size === 0 && field.omitEmpty === true) return [];
  return [
    entry(
      field.name,
      map([...texts].map(([key, text]) => entry(key, text === undefined ? nil() : textLeaf(text)))),
    ),
  ];
}

function checkKey({ provider, fields, enc, path }: RawKey): MasterKey {
  for (const field of provider.storedFields) {
    if (field.kind !== "time") continue;
    const stored = find(fields, field.name);
    const time = stored?.value.kind === "str" ? normalTime(stored.value.value) : undefined;
    if (stored === undefined || time === undefined)
      throw new TimeError(fieldPath(path, field.name));
    stored.value = str(time);
  }
  return { type: provider.type, id: provider.identify(fields), fields, enc };
}

/** The block as sops 3.13.3 writes it: keys in ascending byte order at every level (spec file-format 5.2). */
export function emitMetadata(metadata: Metadata): Mapping {
  const { keyGroups, selector, shamirThreshold } = metadata;
  const [only] = keyGroups;
  const entries =
    only !== undefined && keyGroups.length === 1
      ? keyLists(only, false)
      : [entry("key_groups", seq(keyGroups.map((group) => sorted(keyLists(group, true)))))];
  entries.push(
    entry("lastmodified", str(metadata.lastModified)),
    entry("mac", str(metadata.mac)),
    entry("version", str(metadata.version)),
  );
  if (metadata.macOnlyEncrypted) entries.push(entry("mac_only_encrypted", bool(true)));
  if (shamirThreshold !== 0) entries.push(entry("shamir_threshold", int(BigInt(shamirThreshold))));
  if (selector.value !== "") entries.push(entry(selector.name, textLeaf(selector.value)));
  return sorted(entries);
}

function keyLists(group: KeyGroup, inGroups: boolean): Entry[] {
  return providers.flatMap((provider) => {
    const keys = group.filter((key) => key.type === provider.type);
    if (keys.length === 0 && !(inGroups && provider.inEveryGroup)) return [];
    return [entry(provider.type, seq(keys.map(emitKey)))];
  });
}

function emitKey(key: MasterKey): Node {
  const fields = entriesOf(key.fields).map(({ key: name, value }) =>
    entry(name, value.kind === "map" ? sorted(entriesOf(value)) : value),
  );
  return sorted([...fields, entry("enc", textLeaf(key.enc ?? ""))]);
}

function entriesOf(mapping: Mapping): Entry[] {
  return mapping.items.filter((item) => item.kind === "entry");
}

function sorted(entries: Entry[]): Mapping {
  return map(entries.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))));
}
