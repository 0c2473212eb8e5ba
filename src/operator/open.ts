import { loadFormat } from "../../formats/index.ts";
import { LeafCipher } from "../crypto/leaf.ts";
import { ONLY_ENCRYPTED } from "../crypto/mac.ts";
import { DataKeyError } from "../data-key/recover.ts";
import { SopsmithError } from "../errors.ts";
import { open } from "../file.ts";
import type { Host } from "../io/host.ts";
import {
  canonicalJson,
  compareBytes,
  isObject,
  LAST_APPLIED,
  type ChildKind,
  type Condition,
  type Json,
  type JsonObject,
  type SopsSecret,
} from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { compileSelection } from "../metadata/selection.ts";
import {
  bool,
  entry,
  find,
  map,
  seq,
  str,
  type Mapping,
  type Node,
  type Scalar,
} from "../tree/node.ts";
import { fromPlain } from "../tree/plain.ts";
import { walk } from "../metadata/walk.ts";
import { templateFields, type TemplateLists } from "./build.ts";
import { covered, findOrder, type Covered } from "./field-order.ts";
import { missingKey, onlyLocalKeys } from "./missing-key.ts";
import { shortened, statusTexts, type Problem } from "./texts.ts";

/** A condition before it is known which generation it is about. */
export type Finding = Pick<Condition, "type" | "status" | "reason" | "message">;

/** An object whose values are decrypted. */
export interface OpenedObject {
  /** The templates in `spec`, decrypted. */
  readonly templates: TemplateLists;
  /** Was this leaf ciphertext in the object? */
  isSealed(leaf: Node): boolean;
  readonly mac: Finding;
  readonly lastModified: string;
}

export interface OpenOptions {
  readonly services: readonly KeyService[];
  /** How many orders of keys are tried for the MAC; undefined: the MAC is not looked at. */
  readonly budget: number | undefined;
  /** Where keys are looked for, as messages say it; undefined outside a cluster. */
  readonly keySources?: readonly string[] | undefined;
}

/**
 * Decrypts an object in memory. Only `spec` and `sops` are looked at: the rest is the API server's.
 *
 * @returns the problem where it cannot be decrypted
 */
export async function openObject(
  object: SopsSecret,
  options: OpenOptions,
  host: Host,
): Promise<OpenedObject | Problem> {
  const { namespace = "", name = "" } = object.metadata;
  const file = namespace === "" ? name : `${namespace}/${name}`;
  try {
    return await openSpec(object, { ...options, file }, host);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    const isKey = error.code === "data-key-not-recovered" || error.code === "unwrap-failed";
    return {
      reason: isKey ? "KeyUnavailable" : "DecryptFailed",
      message: shortened(explain(error, options, file)),
      text: statusTexts.decryption,
      isStalled: !isKey,
      ...(isKey && onlyLocalKeys(error) ? { waits: true } : {}),
    };
  }
}

/** The report of a missing key is for people with a shell: here it speaks of the operator, where its failures are known. */
function explain(error: SopsmithError, options: OpenOptions, file: string): string {
  if (
    error instanceof DataKeyError &&
    error.failures.length > 0 &&
    options.keySources !== undefined
  )
    return missingKey(error.failures, options.keySources);
  const advice = error.message.split("\n").find((line) => line.startsWith(`${file}: `));
  const message = advice === undefined ? error.message : advice.slice(file.length + 2);
  return error.hint === undefined ? message : `${message}. ${error.hint}`;
}

/** Boolean fields of `spec` that are patched in with kubectl: they are no part of what was encrypted. */
const SWITCHES = ["enforceOwnership", "suspend"] as const;

const isSwitch = (name: string, value: Json | undefined): value is boolean =>
  SWITCHES.some((one) => one === name) && typeof value === "boolean";

const withoutSwitches = (spec: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(spec).filter(([name, value]) => !isSwitch(name, value)));

async function openSpec(
  object: SopsSecret,
  options: OpenOptions & { file: string },
  host: Host,
): Promise<OpenedObject> {
  const { file, services, budget } = options;
  const json: JsonObject = { spec: withoutSwitches(object.spec ?? {}) };
  if (object.sops !== undefined) json["sops"] = object.sops;
  const warn = (): void => undefined;
  const opened = await open(
    Buffer.from(canonicalJson(json)),
    {
      file,
      format: await loadFormat("json"),
      order: ["age", "pgp"],
      services,
      audit: (action) => host.audit?.(action, file) ?? Promise.resolve(),
      ignoreMac: true,
      remember: false,
      isForeign: true,
      warn,
    },
    host,
  );
  try {
    const { documents, metadata, dataKey } = opened;
    if (metadata.selector.name.endsWith("comment_regex"))
      throw new SopsmithError(
        "comment-selector",
        1,
        `${metadata.selector.name} cannot be used in a cluster, where comments are lost`,
        { hint: 'Encrypt the file again with encrypted_suffix: "Templates".' },
      );
    const root = documents[0] ?? map([]);
    const selection = await compileSelection(metadata.selector, {
      onBadPattern: "never-match",
      warn,
    });
    const sealed = new Set<Node>();
    walk(documents, selection, {
      scalar: (leaf, place) => {
        if (place.isEncrypted && !isEmpty(leaf)) sealed.add(leaf);
        return leaf;
      },
      comment: (leaf) => leaf,
    });
    const templates: TemplateLists = {
      Secret: templatesOf(root, "Secret"),
      ConfigMap: templatesOf(root, "ConfigMap"),
    };
    return {
      templates,
      isSealed: (leaf) => sealed.has(leaf),
      mac:
        budget === undefined
          ? {
              type: "MacVerified",
              status: "Unknown",
              reason: "NotChecked",
              message: "the operator runs with -mac-policy=off",
            }
          : checkMac(
              object,
              root,
              Object.values(templates).flat(),
              metadata,
              new LeafCipher(dataKey),
              sealed,
              budget,
            ),
      lastModified: metadata.lastModified,
    };
  } finally {
    opened.dataKey.fill(0);
  }
}

const isEmpty = (leaf: Node): boolean =>
  (leaf.kind === "str" || leaf.kind === "bytes") && leaf.value.length === 0;

function templatesOf(root: Mapping, kind: ChildKind): readonly Mapping[] {
  const spec = find(root, "spec")?.value;
  const list = spec?.kind === "map" ? find(spec, templateFields[kind])?.value : undefined;
  if (list?.kind !== "seq") return [];
  return list.items.filter((item) => item.kind === "map");
}

function checkMac(
  object: SopsSecret,
  root: Mapping,
  templates: readonly Mapping[],
  metadata: Metadata,
  cipher: LeafCipher,
  sealed: ReadonlySet<Node>,
  budget: number,
): Finding {
  const finding = (status: Finding["status"], reason: string, message: string): Finding => ({
    type: "MacVerified",
    status,
    reason,
    message,
  });
  if (metadata.mac === "")
    return finding(
      "False",
      "MacMissing",
      "the sops block has no MAC, so changed values would not be noticed; restore the object from its file",
    );
  let expected: string;
  try {
    const { leaf } = cipher.open(metadata.mac, metadata.lastModified);
    expected = leaf.kind === "str" ? leaf.value : "";
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return finding(
      "False",
      "MacUnreadable",
      "the MAC cannot be decrypted, because mac or lastmodified was changed; restore the object from its file",
    );
  }
  if (!/^[0-9A-F]{128}$/.test(expected))
    return finding(
      "False",
      "MacUnreadable",
      "the MAC is not a SHA-512 digest; restore the object from its file",
    );
  const counts = (leaf: Scalar): boolean => !metadata.macOnlyEncrypted || sealed.has(leaf);
  const candidates = metadata.macOnlyEncrypted
    ? [covered(root, counts)]
    : documentCandidates(object, root).map((document) => covered(document, counts));
  const trees = candidates.map((tree): Covered => tree ?? { kind: "list", items: [] });
  const fixed = metadata.macOnlyEncrypted
    ? trees
    : trees.map((tree) => (tree.kind === "map" ? { ...tree, isFixed: true } : tree));
  const prefix = metadata.macOnlyEncrypted ? ONLY_ENCRYPTED : new Uint8Array(0);
  switch (findOrder(fixed, expected, prefix, budget)) {
    case "found": {
      const plain = metadata.macOnlyEncrypted && templates.some((node) => hasPlain(node, sealed));
      return plain
        ? finding(
            "True",
            "VerifiedEncryptedOnly",
            "the encrypted values are unchanged; unencrypted values in templates are not protected",
          )
        : finding("True", "Verified", "all values are unchanged");
    }
    case "unknown":
      return finding(
        "Unknown",
        "OrderUnknown",
        'the MAC could not be checked, because the original order of the keys was not found; run "sopsmith k8s fix" on the file and apply it again',
      );
    case "none":
      return finding(
        "False",
        "Mismatch",
        "the MAC does not match, because something was changed without the key or lost on the way; restore the object from its file",
      );
  }
}

function hasPlain(node: Node, sealed: ReadonlySet<Node>): boolean {
  switch (node.kind) {
    case "map":
      return node.items.some((item) => item.kind === "entry" && hasPlain(item.value, sealed));
    case "seq":
      return node.items.some((item) => hasPlain(item, sealed));
    case "null":
    case "comment":
      return false;
    default:
      return !sealed.has(node) && !isEmpty(node);
  }
}

/** Whole documents as the file may have had them, the likeliest first. */
function documentCandidates(object: SopsSecret, root: Mapping): Mapping[] {
  const spec = find(root, "spec")?.value;
  const document = ({ apiVersion, metadata }: Outer, switches: Switches): Mapping =>
    map([
      entry("apiVersion", str(apiVersion)),
      entry("kind", str(object.kind ?? "")),
      entry("metadata", sortedTree(fromPlain(metadata))),
      ...(spec?.kind === "map" ? [entry("spec", withSwitches(spec, switches))] : []),
    ]);
  const outer = metadataCandidates(object);
  const guesses = outer.filter(({ switches }) => switches === undefined);
  return [
    ...outer.flatMap((one) => (one.switches === undefined ? [] : [document(one, one.switches)])),
    ...switchCandidates(object.spec ?? {}).flatMap((switches) =>
      guesses.map((one) => document(one, switches)),
    ),
  ];
}

type Switches = Readonly<Record<string, boolean>>;

interface Outer {
  readonly apiVersion: string;
  readonly metadata: Json;
  /** Known from what was applied; undefined where it is a guess. */
  readonly switches?: Switches;
}

const switchesOf = (spec: JsonObject): Switches =>
  Object.fromEntries(
    Object.entries(spec).flatMap(([name, value]) =>
      isSwitch(name, value) ? [[name, value] as const] : [],
    ),
  );

/** What the file may have had of them: what is there now, nothing, or the opposite. */
function switchCandidates(spec: JsonObject): Switches[] {
  let all: Switches[] = [{}];
  for (const [name, value] of Object.entries(switchesOf(spec)))
    all = [
      ...all.map((one) => ({ ...one, [name]: value })),
      ...all,
      ...all.map((one) => ({ ...one, [name]: !value })),
    ];
  return all;
}

function withSwitches(spec: Mapping, switches: Switches): Mapping {
  const items = spec.items.filter((item) => item.kind === "entry");
  const added = Object.entries(switches).map(([name, value]) => entry(name, bool(value)));
  return map([...items, ...added].toSorted((a, b) => compareBytes(a.key, b.key)));
}

/** Labels and annotations that tools add to a file on its way. */
const INJECTED = [
  "kubectl.kubernetes.io/",
  "argocd.argoproj.io/",
  "kustomize.toolkit.fluxcd.io/",
  "helm.toolkit.fluxcd.io/",
  "meta.helm.sh/",
];

/** What may have stood in the file's `metadata`, the likeliest first (spec kubernetes 2.2, rule 5). */
function metadataCandidates(object: SopsSecret): Outer[] {
  const { name = "", namespace = "", labels, annotations } = object.metadata;
  const apiVersion = object.apiVersion ?? "";
  const own = (texts: Record<string, string> | undefined): JsonObject =>
    Object.fromEntries(
      Object.entries(texts ?? {}).filter(
        ([key]) =>
          key !== "app.kubernetes.io/managed-by" &&
          !INJECTED.some((start) => key.startsWith(start)),
      ),
    );
  const short = namespace === "" ? [{ name }] : [{ name, namespace }, { name }];
  const extra = { annotations: own(annotations), labels: own(labels) };
  const isBare = Object.values(extra).every((texts) => Object.keys(texts).length === 0);
  const long = isBare ? [] : short.map((one) => ({ ...one, ...extra }));
  return [
    ...lastApplied(object),
    ...[...short, ...long].map((metadata) => ({
      apiVersion,
      metadata,
    })),
  ];
}

function lastApplied(object: SopsSecret): Outer[] {
  const text = object.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return [];
  let body: Json;
  try {
    body = JSON.parse(text) as Json;
  } catch {
    return [];
  }
  if (!isObject(body)) return [];
  const isSame =
    isObject(body["spec"]) &&
    canonicalJson(withoutSwitches(body["spec"])) ===
      canonicalJson(withoutSwitches(object.spec ?? {})) &&
    canonicalJson(body["sops"]) === canonicalJson(object.sops);
  const { apiVersion, spec } = body;
  return isSame && typeof apiVersion === "string" && isObject(spec)
    ? [{ apiVersion, metadata: body["metadata"] ?? {}, switches: switchesOf(spec) }]
    : [];
}

function sortedTree(node: Node): Node {
  if (node.kind === "seq") return seq(node.items.map(sortedTree));
  if (node.kind !== "map") return node;
  return map(
    node.items
      .filter((item) => item.kind === "entry")
      .toSorted((a, b) => compareBytes(a.key, b.key))
      .map(({ key, value }) => entry(key, sortedTree(value))),
  );
}
