import { loadFormat } from "../../formats/index.ts";
import { LeafCipher } from "../crypto/leaf.ts";
import { ONLY_ENCRYPTED } from "../crypto/mac.ts";
import { SopsmithError } from "../errors.ts";
import { open } from "../file.ts";
import type { Host } from "../io/host.ts";
import {
  canonicalJson,
  compareBytes,
  isObject,
  LAST_APPLIED,
  type Condition,
  type Json,
  type JsonObject,
  type SopsSecret,
} from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { compileSelection } from "../metadata/selection.ts";
import { entry, find, map, seq, str, type Mapping, type Node, type Scalar } from "../tree/node.ts";
import { fromPlain } from "../tree/plain.ts";
import { walk } from "../metadata/walk.ts";
import { covered, findOrder, type Covered } from "./field-order.ts";
import { shortened, statusTexts, type Problem } from "./texts.ts";

/** A condition before it is known which generation it is about. */
export type Finding = Pick<Condition, "type" | "status" | "reason" | "message">;

/** An object whose values are in clear. */
export interface OpenedObject {
  /** `spec.secretTemplates`, decrypted. */
  readonly templates: readonly Mapping[];
  /** Was this leaf ciphertext in the object? */
  isSealed(leaf: Node): boolean;
  readonly mac: Finding;
  readonly lastModified: string;
}

/**
 * Decrypts an object in memory. Only `spec` and `sops` are looked at: the rest is the API server's.
 *
 * @param budget how many orders of keys are tried for the MAC; undefined: the MAC is not looked at
 * @returns the problem where it cannot be decrypted
 */
export async function openObject(
  object: SopsSecret,
  options: { services: readonly KeyService[]; budget: number | undefined },
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
      message: shortened(explain(error, file)),
      text: statusTexts.decryption,
      isStalled: !isKey,
    };
  }
}

/** The report of a missing key is long: its advice is the line that begins with the file's name. */
function explain(error: SopsmithError, file: string): string {
  const advice = error.message.split("\n").find((line) => line.startsWith(`${file}: `));
  const message = advice === undefined ? error.message : advice.slice(file.length + 2);
  return error.hint === undefined ? message : `${message}. ${error.hint}`;
}

async function openSpec(
  object: SopsSecret,
  options: { services: readonly KeyService[]; budget: number | undefined; file: string },
  host: Host,
): Promise<OpenedObject> {
  const { file, services, budget } = options;
  const json: JsonObject = { spec: object.spec ?? {} };
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
    const templates = templatesOf(root);
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
          : checkMac(object, root, templates, metadata, new LeafCipher(dataKey), sealed, budget),
      lastModified: metadata.lastModified,
    };
  } finally {
    opened.dataKey.fill(0);
  }
}

const isEmpty = (leaf: Node): boolean =>
  (leaf.kind === "str" || leaf.kind === "bytes") && leaf.value.length === 0;

function templatesOf(root: Mapping): readonly Mapping[] {
  const spec = find(root, "spec")?.value;
  const list = spec?.kind === "map" ? find(spec, "secretTemplates")?.value : undefined;
  if (list?.kind !== "seq") return [];
  return list.items.filter((item) => item.kind === "map");
}

const remedy = 'run "sopsmith k8s fix FILE" to put keys in canonical order';

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
    message: status === "True" ? message : `${message}; ${remedy}`,
  });
  if (metadata.mac === "") return finding("False", "MacMissing", "the sops block has no MAC");
  let expected: string;
  try {
    const { leaf } = cipher.open(metadata.mac, metadata.lastModified);
    expected = leaf.kind === "str" ? leaf.value : "";
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return finding(
      "False",
      "MacUnreadable",
      "the MAC cannot be decrypted: mac or lastmodified was changed",
    );
  }
  if (!/^[0-9A-F]{128}$/.test(expected))
    return finding("False", "MacUnreadable", "the MAC is not a SHA-512 digest");
  const counts = (leaf: Scalar): boolean => !metadata.macOnlyEncrypted || sealed.has(leaf);
  const candidates = metadata.macOnlyEncrypted
    ? [covered(root, counts)]
    : metadataCandidates(object).map((outer) =>
        covered(wholeDocument(object, outer, root), counts),
      );
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
            "the encrypted values are as they were written; values in clear below secretTemplates are not protected",
          )
        : finding("True", "Verified", "all values are as they were written");
    }
    case "unknown":
      return finding("Unknown", "OrderUnknown", "the order of keys in the file could not be found");
    case "none":
      return finding(
        "False",
        "Mismatch",
        "the MAC fits no order of keys: values were changed without the key, or mac_only_encrypted or metadata was lost on the way; restore the file or",
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

function wholeDocument(
  object: SopsSecret,
  { apiVersion, metadata }: Outer,
  root: Mapping,
): Mapping {
  const spec = find(root, "spec");
  return map([
    entry("apiVersion", str(apiVersion)),
    entry("kind", str(object.kind ?? "")),
    entry("metadata", sortedTree(fromPlain(metadata))),
    ...(spec === undefined ? [] : [spec]),
  ]);
}

interface Outer {
  readonly apiVersion: string;
  readonly metadata: Json;
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
  return [
    ...lastApplied(object),
    ...[...short, ...short.map((one) => ({ ...one, ...extra }))].map((metadata) => ({
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
    canonicalJson(body["spec"]) === canonicalJson(object.spec) &&
    canonicalJson(body["sops"]) === canonicalJson(object.sops);
  const { apiVersion } = body;
  return isSame && typeof apiVersion === "string"
    ? [{ apiVersion, metadata: body["metadata"] ?? {} }]
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
