import { basename } from "node:path/posix";
import {
  entry,
  find,
  map,
  str,
  type Documents,
  type Entry,
  type Mapping,
  type Node,
} from "../tree/node.ts";
import { flatText } from "../tree/flat-text.ts";
import { decodeText, encodeText } from "../tree/text.ts";
import { compareBytes } from "../k8s/sops-secret.ts";
import type { FormatName } from "../../formats/format.ts";
import { parseGodotenv } from "./godotenv.ts";
import { KrmError } from "./problem.ts";
import { scalarText, textIn, textsOf, withoutComments } from "./resource.ts";

/** One decrypted file. */
export interface OpenedFile {
  readonly format: FormatName;
  /** The tree, without the `sops` block. */
  readonly documents: Documents;
  /** The whole decrypted file as `sops decrypt` prints it. */
  readonly content: Uint8Array;
}

/** What a generator works with. */
export interface Tools {
  /**
   * Decrypts a file that the configuration names.
   *
   * @throws {SopsmithError}
   */
  openFile(path: string): Promise<OpenedFile>;
  /** The documents of decrypted YAML or JSON text. */
  parseYaml(text: Uint8Array): Documents;
  /** Called with what the user should know. */
  warn(message: string): void;
  /**
   * Called with a file that failed; then the others are still tried, and nothing is generated.
   *
   * @param field where the file is named, such as `files[0]`
   */
  failed(error: unknown, file: string, field: string): void;
}

type Generate = (config: Mapping, tools: Tools) => Promise<Mapping[]>;

/**
 * The generator that a resource configures; undefined for any other resource.
 *
 * @throws {KrmError} for a version that does not exist
 */
export function generatorFor(resource: Mapping): Generate | undefined {
  const [group = "", version = ""] = textIn(resource, "apiVersion").split("/");
  const kind = textIn(resource, "kind");
  // KSOPS does not look at the kind, so repositories spell it as they like.
  if (group === "viaduct.ai") return ksops;
  if (group !== "goabout.com" || (kind !== "SopsSecretGenerator" && kind !== "SopsSecret"))
    return undefined;
  if (version !== "v1beta1")
    throw new KrmError(`there is no ${kind} of goabout.com/${version}: write goabout.com/v1beta1`);
  return sopsSecretGenerator;
}

/** Is this the configuration of a generator, right or wrong? */
export function configuresGenerator(resource: Mapping): boolean {
  try {
    return generatorFor(resource) !== undefined;
  } catch (error) {
    if (error instanceof KrmError) return true;
    throw error;
  }
}

/** Does the configuration name anything to generate? */
export const namesFiles = (config: Mapping): boolean =>
  ["files", "secretFrom", "envs"].some((field) => find(config, field) !== undefined);

const ksopsFields = new Set(["apiVersion", "kind", "metadata", "files", "secretFrom"]);
const secretFromFields = new Set(["metadata", "type", "files", "binaryFiles", "envs"]);
const generatorFields = new Set([
  "apiVersion",
  "kind",
  "metadata",
  "behavior",
  "disableNameSuffixHash",
  "envs",
  "files",
  "type",
]);
const metadataFields = new Set(["name", "namespace", "labels", "annotations"]);

/** KSOPS: `files` holds whole resources, `secretFrom` makes Secrets of files. */
async function ksops(config: Mapping, tools: Tools): Promise<Mapping[]> {
  warnOfUnknown(config, ksopsFields, "", tools);
  if (!namesFiles(config))
    throw new KrmError("it has neither files nor secretFrom, so there is nothing to generate");
  const made: Mapping[] = [];
  for (const [index, path] of textsOf(find(config, "files")?.value, "files").entries())
    await reading(tools, path, `files[${index}]`, async () => {
      for (const one of resourcesIn(await tools.openFile(path), tools)) made.push(one);
    });
  const secrets = find(config, "secretFrom")?.value;
  if (secrets === undefined || secrets.kind === "null") return made;
  if (secrets.kind !== "seq") throw new KrmError("secretFrom must be a list");
  for (const [index, item] of secrets.items.filter(({ kind }) => kind !== "comment").entries()) {
    const at = `secretFrom[${index}]`;
    if (item.kind !== "map") throw new KrmError(`${at} must be a map`);
    warnOfUnknown(item, secretFromFields, at, tools);
    made.push(await ksopsSecret(item, at, tools));
  }
  return made;
}

/** The resources of a decrypted file, which may be the text of YAML documents encrypted as a whole. */
function resourcesIn({ format, documents, content }: OpenedFile, tools: Tools): Mapping[] {
  const found = format === "yaml" || format === "json" ? documents : tools.parseYaml(content);
  const resources = found.filter(({ items }) => items.length > 0).map(withoutComments);
  for (const resource of resources)
    if (textIn(resource, "kind") === "")
      throw new KrmError("it contains no Kubernetes resource: kind is missing");
  return resources;
}

async function ksopsSecret(config: Mapping, at: string, tools: Tools): Promise<Mapping> {
  const plain = new Map<string, string>();
  const binary = new Map<string, string>();
  for (const [name, isBinary] of [
    ["files", false],
    ["binaryFiles", true],
  ] as const)
    await eachFile(config, name, at, tools, async (source) => {
      const { key, path } = keyAndPath(source);
      const { content } = await tools.openFile(path);
      const text = isBinary ? undefined : textOfBytes(content);
      if (text === undefined) binary.set(key, Buffer.from(content).toString("base64"));
      else plain.set(key, text);
    });
  await eachFile(config, "envs", at, tools, async (path) => {
    const { content } = await tools.openFile(path);
    for (const [key, value] of parseGodotenv(decodeText(content))) plain.set(key, value);
  });
  const metadata = find(config, "metadata")?.value;
  if (fieldText(metadata, "name", `${at}.metadata.name`) === "")
    throw new KrmError(`${at}.metadata.name is missing`);
  return secret(metadata, [], fieldText(config, "type", `${at}.type`), {
    stringData: plain,
    data: binary,
  });
}

/** SopsSecretGenerator: one Secret, its values in base64. */
async function sopsSecretGenerator(config: Mapping, tools: Tools): Promise<Mapping[]> {
  warnOfUnknown(config, generatorFields, "", tools);
  const metadata = find(config, "metadata")?.value;
  if (fieldText(metadata, "name", "metadata.name") === "")
    throw new KrmError("metadata.name is missing");
  const data = new Map<string, string>();
  const put = (key: string, value: Uint8Array) =>
    data.set(key, Buffer.from(value).toString("base64"));
  await eachFile(config, "envs", "", tools, async (path) => {
    for (const [key, value] of variablesOf(await tools.openFile(path))) put(key, encodeText(value));
  });
  await eachFile(config, "files", "", tools, async (source) => {
    const { key, path } = keyAndPath(source);
    put(key, (await tools.openFile(path)).content);
  });
  const hash = find(config, "disableNameSuffixHash")?.value;
  const behavior = textIn(config, "behavior");
  const further: [string, string][] = [
    ...(hash?.kind === "bool" && hash.value
      ? []
      : [["kustomize.config.k8s.io/needs-hash", "true"] satisfies [string, string]]),
    ...(behavior === ""
      ? []
      : [["kustomize.config.k8s.io/behavior", behavior] satisfies [string, string]]),
  ];
  return [secret(metadata, further, fieldText(config, "type", "type"), { data })];
}

/** Lines of an ENV file as they are, or the top level of YAML and JSON. */
function variablesOf({ format, documents, content }: OpenedFile): [string, string][] {
  if (format === "dotenv") {
    const lines = decodeText(content)
      .replace(/^\ufeff/, "")
      .split(/\r?\n/);
    return lines.flatMap((line, index): [string, string][] => {
      const text = line.trimStart();
      if (text === "" || text.startsWith("#")) return [];
      const end = text.indexOf("=");
      if (end < 0) throw new KrmError(`line ${index + 1}: a variable without =`);
      return [[text.slice(0, end), text.slice(end + 1)]];
    });
  }
  if (format !== "yaml" && format !== "json")
    throw new KrmError("envs accepts ENV, YAML and JSON files");
  return (documents[0]?.items ?? []).flatMap((item): [string, string][] => {
    if (item.kind !== "entry") return [];
    const { key, value } = item;
    if (value.kind === "map" || value.kind === "seq")
      throw new KrmError(`${key} is a ${value.kind === "map" ? "map" : "list"}, not text`);
    return [[key, value.kind === "null" ? "" : flatText(value)]];
  });
}

/** @returns `name=path` taken apart; the name is the file's own where there is none */
function keyAndPath(source: string): { key: string; path: string } {
  const parts = source.split("=");
  const [first = "", second] = parts;
  if (parts.length > 2) throw new KrmError("write a key and a file as KEY=FILE, with one =");
  if (second === undefined) return { key: basename(first), path: first };
  if (first === "" || second === "")
    throw new KrmError("write a key and a file as KEY=FILE: one of them is missing");
  return { key: first, path: second };
}

async function eachFile(
  config: Mapping,
  name: string,
  at: string,
  tools: Tools,
  use: (source: string) => Promise<void>,
): Promise<void> {
  const path = at === "" ? name : `${at}.${name}`;
  for (const [index, source] of textsOf(find(config, name)?.value, path).entries())
    await reading(tools, source.replace(/^[^=]+=(?=[^=]+$)/, ""), `${path}[${index}]`, () =>
      use(source),
    );
}

async function reading(
  tools: Tools,
  file: string,
  field: string,
  use: () => Promise<void>,
): Promise<void> {
  try {
    await use();
  } catch (error) {
    tools.failed(error, file, field);
  }
}

/** Annotations that are about the function or were put there on the way to it. */
const PASSING =
  /^(?:config\.kubernetes\.io|config\.k8s\.io|internal\.config\.kubernetes\.io)\/|^kustomize\.config\.k8s\.io\/id$/;

function secret(
  metadata: Node | undefined,
  further: readonly (readonly [string, string])[],
  type: string,
  values: Readonly<Record<string, ReadonlyMap<string, string>>>,
): Mapping {
  const texts = (name: string): [string, string][] => {
    const held = metadata?.kind === "map" ? find(metadata, name)?.value : undefined;
    if (held === undefined || held.kind === "null") return [];
    if (held.kind !== "map") throw new KrmError(`metadata.${name} must be a map`);
    return held.items.flatMap((item): [string, string][] => {
      if (item.kind !== "entry" || PASSING.test(item.key)) return [];
      return [[item.key, asText(item.value, `metadata.${name}: ${item.key}`)]];
    });
  };
  const namespace = fieldText(metadata, "namespace", "metadata.namespace");
  return map([
    entry("apiVersion", str("v1")),
    ...Object.entries(values).flatMap(([name, held]) => textMap(name, held)),
    entry("kind", str("Secret")),
    entry(
      "metadata",
      map([
        ...textMap("annotations", [...texts("annotations"), ...further]),
        ...textMap("labels", texts("labels")),
        entry("name", str(fieldText(metadata, "name", "metadata.name"))),
        ...(namespace === "" ? [] : [entry("namespace", str(namespace))]),
      ]),
    ),
    ...(type === "" ? [] : [entry("type", str(type))]),
  ]);
}

function textMap(name: string, held: Iterable<readonly [string, string]>): Entry[] {
  const sorted = [...new Map(held)].toSorted(([a], [b]) => compareBytes(a, b));
  return sorted.length === 0
    ? []
    : [entry(name, map(sorted.map(([key, value]) => entry(key, str(value)))))];
}

function warnOfUnknown(
  config: Mapping,
  known: ReadonlySet<string>,
  at: string,
  tools: Tools,
): void {
  const prefix = at === "" ? "" : `${at}.`;
  for (const item of config.items) {
    if (item.kind !== "entry") continue;
    if (!known.has(item.key)) tools.warn(`${prefix}${item.key} is unknown, and has no effect`);
    if (item.key !== "metadata" || at === "" || item.value.kind !== "map") continue;
    for (const field of item.value.items)
      if (field.kind === "entry" && !metadataFields.has(field.key))
        tools.warn(`${prefix}metadata.${field.key} is unknown, and has no effect`);
  }
}

/** @throws {KrmError} for what is not text */
function asText(node: Node | undefined, path: string): string {
  const text = scalarText(node);
  if (text === undefined) throw new KrmError(`${path} must be text: quote it`);
  return text;
}

const fieldText = (config: Node | undefined, key: string, path: string): string =>
  asText(config?.kind === "map" ? find(config, key)?.value : undefined, path);

function textOfBytes(content: Uint8Array): string | undefined {
  const text = decodeText(content);
  return text.isWellFormed() ? text : undefined;
}
