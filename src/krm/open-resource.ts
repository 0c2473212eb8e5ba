import { joinChunks } from "../tree/long-text.ts";
import { loadFormat } from "../../formats/index.ts";
import { LeafCipher } from "../crypto/leaf.ts";
import { ONLY_ENCRYPTED } from "../crypto/mac.ts";
import { open, type Audit, type OpenFile } from "../file.ts";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { GROUP } from "../k8s/sops-secret.ts";
import { compileSelection } from "../metadata/selection.ts";
import { walk } from "../metadata/walk.ts";
import { covered, findOrder, type Covered, type CoveredMap } from "../operator/field-order.ts";
import {
  entry,
  find,
  map,
  str,
  type Entry,
  type Mapping,
  type Node,
  type Scalar,
} from "../tree/node.ts";
import { textIn, withoutComments } from "./resource.ts";

/** What resources of one file have in common: its MAC, as it is stored. */
export const fileOf = (resource: Mapping): string => textIn(find(resource, "sops")?.value, "mac");

/** Was the resource encrypted by sops, and is it for kustomize to decrypt? SopsSecrets are for the operator. */
export function isSealedResource(resource: Mapping): boolean {
  const block = find(resource, "sops")?.value;
  if (block?.kind !== "map" || find(block, "mac") === undefined) return false;
  return !textIn(resource, "apiVersion").startsWith(`${GROUP}/`);
}

export interface OpenResourceOptions {
  /** What the resource is called in messages. */
  readonly name: string;
  readonly services: readonly KeyService[];
  readonly order: readonly string[];
  readonly audit: Audit;
  readonly warn: (message: string) => void;
}

/** How many orders of keys are tried for the MAC: a second's work. */
const BUDGET = 300_000;

/** Annotations that kustomize and other callers of functions put into a resource on its way. */
const PASSING =
  /^(?:config\.kubernetes\.io|config\.k8s\.io|internal\.config\.kubernetes\.io|alpha\.config\.kubernetes\.io)\/|^kustomize\.config\.k8s\.io\/id$/;

/** A resource whose values are decrypted; its MAC was not looked at. */
export interface OpenedResource {
  readonly root: Mapping;
  readonly file: OpenFile;
}

/**
 * Decrypts a resource that kustomize has read already. Whether it has its MAC, {@link haveTheirMac} says.
 *
 * @returns with the data key, which the caller fills with zeros
 * @throws {SopsmithError} as `open`
 */
export async function openResource(
  resource: Mapping,
  options: OpenResourceOptions,
  host: Host,
): Promise<OpenedResource> {
  const { name, services, order, audit, warn } = options;
  const format = await loadFormat("yaml");
  const source = joinChunks(format.emit([withoutComments(resource)], { sealed: true }));
  const file = await open(
    source,
    {
      file: name,
      format,
      order,
      services,
      audit,
      ignoreMac: true,
      remember: false,
      isForeign: true,
      layout: "sops",
      warn,
    },
    host,
  );
  return { root: file.documents[0] ?? map([]), file };
}

/**
 * Do the resources of one file, in their order, have its MAC? kustomize sorts keys, drops comments, renames, and adds labels and
 * annotations before it calls a transformer, so the MAC is looked for in the orders in which people write resources, without what it
 * may have added.
 */
export async function haveTheirMac(resources: readonly OpenedResource[]): Promise<boolean> {
  const [first] = resources;
  if (first === undefined) return true;
  const { metadata, dataKey } = first.file;
  if (metadata.mac === "") return false;
  const { leaf } = new LeafCipher(dataKey).open(metadata.mac, metadata.lastModified);
  if (leaf.kind !== "str" || !/^[0-9A-F]{128}$/.test(leaf.value)) return false;
  const sealed = new Set<Node>();
  const selection = await compileSelection(metadata.selector, {
    onBadPattern: "never-match",
    warn: () => undefined,
  });
  for (const { file } of resources)
    walk(file.documents, selection, {
      scalar: (one, place) => {
        if (place.isEncrypted) sealed.add(one);
        return one;
      },
      comment: (one) => one,
    });
  const counts = (one: Scalar): boolean => !metadata.macOnlyEncrypted || sealed.has(one);
  const roots = resources.map(({ root }) => root);
  const trees = (metadata.macOnlyEncrypted ? [roots] : asWritten(roots)).map((all) =>
    all.flatMap((root) => covered(root, counts) ?? []),
  );
  // Those whose fields are in any order come last: to try them all takes whatever is left of the budget.
  const candidates = [...trees.flatMap(usualOrders), ...trees.map(together)];
  const prefix = metadata.macOnlyEncrypted ? ONLY_ENCRYPTED : new Uint8Array(0);
  return findOrder(candidates, leaf.value, prefix, BUDGET) === "found";
}

/** The documents of a file as one. */
function together(items: readonly Covered[]): Covered {
  const [only] = items;
  return only !== undefined && items.length === 1 ? only : { kind: "list", items };
}

/** Ways in which the metadata may have been written, at most. */
const MAX_WAYS = 256;

/** Of more keys than this only all or none are left out. */
const MAX_KEYS = 6;

/** The resources as they may have been in the file, the likeliest first: what kustomize adds, it adds to all of them. */
function asWritten(roots: readonly Mapping[]): Mapping[][] {
  const bases = roots.map(withoutPassing);
  const keysOf = (field: string): string[] => [
    ...new Set(
      bases.flatMap(({ metadata }) => {
        const held = metadata === undefined ? undefined : find(metadata, field)?.value;
        return held?.kind === "map"
          ? held.items.flatMap((item) => (item.kind === "entry" ? [item.key] : []))
          : [];
      }),
    ),
  ];
  const ways = subsets(keysOf("labels")).flatMap((labels) =>
    subsets(keysOf("annotations")).flatMap((annotations) =>
      [0, 1, 2].map((namespace) => ({ labels, annotations, namespace })),
    ),
  );
  const changes = (way: (typeof ways)[number]): number =>
    way.labels.length + way.annotations.length + way.namespace;
  return ways
    .toSorted((a, b) => changes(a) - changes(b))
    .slice(0, MAX_WAYS)
    .map(({ labels, annotations, namespace }) =>
      bases.map(({ root, metadata, namespaces }) => {
        if (metadata === undefined) return root;
        const least = withEntry(
          withEntry(metadata, "labels", (value) => lacking(value, labels)),
          "annotations",
          (value) => lacking(value, annotations),
        );
        const text = namespaces[namespace];
        const written = withEntry(least, "namespace", () =>
          text === undefined ? undefined : str(text),
        );
        return withEntry(root, "metadata", () => written);
      }),
    );
}

interface Base {
  readonly root: Mapping;
  /** With its first name, and without what callers of functions put into it. */
  readonly metadata: Mapping | undefined;
  /** The namespaces that may have been in the file, the likeliest first; undefined for none. */
  readonly namespaces: readonly [string | undefined, string | undefined, ...(string | undefined)[]];
}

function withoutPassing(root: Mapping): Base {
  const metadata = find(root, "metadata")?.value;
  if (metadata?.kind !== "map")
    return { root, metadata: undefined, namespaces: [undefined, undefined] };
  const annotations = find(metadata, "annotations")?.value;
  const first = (what: string): string =>
    textIn(annotations, `internal.config.kubernetes.io/previous${what}`).split(",")[0] ?? "";
  const [name, namespace] = [first("Names"), first("Namespaces")];
  const own = textIn(metadata, "namespace") || undefined;
  const passing = (value: Node): string[] =>
    value.kind === "map"
      ? value.items.flatMap((item) =>
          item.kind === "entry" && PASSING.test(item.key) ? [item.key] : [],
        )
      : [];
  const cleaned = withEntry(metadata, "annotations", (value) => lacking(value, passing(value)));
  return {
    root,
    metadata: withEntry(cleaned, "name", (value) => (name === "" ? value : str(name))),
    // kustomize calls the namespace of what has none `default`.
    namespaces:
      namespace === ""
        ? [own, undefined]
        : namespace === "default"
          ? [undefined, "default", own]
          : [namespace, own, undefined],
  };
}

/** A map without some keys; undefined where none are left. */
function lacking(value: Node, keys: readonly string[]): Node | undefined {
  if (value.kind !== "map" || keys.length === 0) return value;
  const items = value.items.filter((item) => item.kind === "entry" && !keys.includes(item.key));
  return items.length === 0 ? undefined : map(items);
}

function subsets(keys: readonly string[]): string[][] {
  if (keys.length > MAX_KEYS) return [[], [...keys]];
  let all: string[][] = [[]];
  for (const key of keys) all = [...all, ...all.map((some) => [...some, key])];
  return all;
}

function withEntry(
  mapping: Mapping,
  key: string,
  change: (value: Node) => Node | undefined,
): Mapping {
  return map(
    mapping.items.flatMap((item): Entry[] => {
      if (item.kind !== "entry") return [];
      if (item.key !== key) return [item];
      const value = change(item.value);
      return value === undefined ? [] : [entry(key, value)];
    }),
  );
}

/** Orders in which the fields of resources are written, most often. */
const ORDERS = [
  "apiVersion kind metadata type immutable stringData data",
  "apiVersion kind metadata immutable data stringData type",
  "apiVersion kind metadata stringData data type",
  "kind apiVersion metadata type data stringData",
  "apiVersion data kind metadata stringData type",
].map((order) => order.split(" "));

const METADATA_ORDER = ["name", "generateName", "namespace", "labels", "annotations"];

/** Each of the usual orders, the same one in all documents of a file. */
function usualOrders(trees: readonly Covered[]): Covered[] {
  const inOrder = (items: CoveredMap["items"], order: readonly string[]) => {
    const rank = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length);
    return items.toSorted((a, b) => rank(a.key) - rank(b.key));
  };
  return ORDERS.map((order) =>
    together(
      trees.map((tree) =>
        tree.kind !== "map"
          ? tree
          : {
              kind: "map",
              isFixed: true,
              items: inOrder(tree.items, order).map(({ key, value }) =>
                key === "metadata" && value.kind === "map"
                  ? { key, value: { ...value, items: inOrder(value.items, METADATA_ORDER) } }
                  : { key, value },
              ),
            },
      ),
    ),
  );
}
