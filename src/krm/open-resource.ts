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
import { covered, findOrder, type Covered } from "../operator/field-order.ts";
import {
  entry,
  find,
  map,
  type Entry,
  type Mapping,
  type Node,
  type Scalar,
} from "../tree/node.ts";
import { KrmError } from "./problem.ts";
import { textIn, withoutComments } from "./resource.ts";

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
  readonly ignoreMac: boolean;
  readonly audit: Audit;
  readonly warn: (message: string) => void;
}

/** How many orders of keys are tried for the MAC: a second's work. */
const BUDGET = 300_000;

/** Annotations that kustomize and other callers of functions put into a resource on its way. */
const PASSING =
  /^(?:config\.kubernetes\.io|config\.k8s\.io|internal\.config\.kubernetes\.io|alpha\.config\.kubernetes\.io)\/|^kustomize\.config\.k8s\.io\/id$/;

/**
 * Decrypts a resource that kustomize has read already. It sorts keys, drops comments and adds annotations, so the MAC is looked for
 * in the orders in which people write resources; what it added is not covered and stays.
 *
 * @throws {SopsmithError} as `open`
 * @throws {KrmError} for a MAC that fits none of the orders tried
 */
export async function openResource(
  resource: Mapping,
  options: OpenResourceOptions,
  host: Host,
): Promise<Mapping> {
  const { name, services, order, audit, warn } = options;
  const format = await loadFormat("yaml");
  const source = joinChunks(format.emit([withoutComments(resource)], { sealed: true }));
  const opened = await open(
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
  try {
    const root = opened.documents[0] ?? map([]);
    if (!options.ignoreMac && !(await hasItsMac(root, opened)))
      throw new KrmError(
        "MAC mismatch: the values are not those that were encrypted, or kustomize changed more than their order",
        {
          hint: "Name the file in the files of a ksops generator instead of the resources, or encrypt it with mac_only_encrypted: true",
        },
      );
    return root;
  } finally {
    opened.dataKey.fill(0);
  }
}

async function hasItsMac(
  root: Mapping,
  { documents, metadata, dataKey }: OpenFile,
): Promise<boolean> {
  if (metadata.mac === "") return false;
  const { leaf } = new LeafCipher(dataKey).open(metadata.mac, metadata.lastModified);
  if (leaf.kind !== "str" || !/^[0-9A-F]{128}$/.test(leaf.value)) return false;
  const sealed = new Set<Node>();
  const selection = await compileSelection(metadata.selector, {
    onBadPattern: "never-match",
    warn: () => undefined,
  });
  walk(documents, selection, {
    scalar: (one, place) => {
      if (place.isEncrypted) sealed.add(one);
      return one;
    },
    comment: (one) => one,
  });
  const counts = (one: Scalar): boolean => !metadata.macOnlyEncrypted || sealed.has(one);
  const trees = (metadata.macOnlyEncrypted ? [root] : metadataVariants(root)).flatMap(
    (one) => covered(one, counts) ?? [],
  );
  const prefix = metadata.macOnlyEncrypted ? ONLY_ENCRYPTED : new Uint8Array(0);
  const candidates = trees.flatMap((tree) => [...usualOrders(tree), tree]);
  return findOrder(candidates, leaf.value, prefix, BUDGET) === "found";
}

/** What may have been in the file: kustomize adds a namespace, labels and annotations before it calls a transformer. */
function metadataVariants(root: Mapping): Mapping[] {
  const metadata = find(root, "metadata")?.value;
  if (metadata?.kind !== "map") return [root];
  const own = withEntry(metadata, "annotations", (value) => {
    if (value.kind !== "map") return value;
    const items = value.items.filter((item) => item.kind === "entry" && !PASSING.test(item.key));
    return items.length === 0 ? undefined : map(items);
  });
  const without = (...keys: string[]): Mapping =>
    map(own.items.filter((item) => item.kind === "entry" && !keys.includes(item.key)));
  return [
    own,
    without("namespace"),
    without("labels"),
    without("namespace", "labels"),
    without("namespace", "labels", "annotations"),
  ].map((one) => withEntry(root, "metadata", () => one));
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

function usualOrders(tree: Covered): Covered[] {
  if (tree.kind !== "map") return [];
  const inOrder = (items: typeof tree.items, order: readonly string[]) => {
    const rank = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length);
    return items.toSorted((a, b) => rank(a.key) - rank(b.key));
  };
  return ORDERS.map((order) => ({
    kind: "map",
    isFixed: true,
    items: inOrder(tree.items, order).map(({ key, value }) =>
      key === "metadata" && value.kind === "map"
        ? { key, value: { ...value, items: inOrder(value.items, METADATA_ORDER) } }
        : { key, value },
    ),
  }));
}
