import { find, type Mapping, type Node } from "../tree/node.ts";
import { KrmError } from "./problem.ts";

/** Which resource something is about. */
export interface ResourceRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/** A text of a mapping; "" where there is none. */
export function textIn(mapping: Node | undefined, key: string): string {
  const value = mapping?.kind === "map" ? find(mapping, key)?.value : undefined;
  return value?.kind === "str" ? value.value : "";
}

/**
 * What a generator takes as text: KSOPS writes an integer or a boolean for a name or a label as text, too. Undefined for what is
 * written otherwise than it reads (`1.10`), for a map and a list.
 */
export function scalarText(node: Node | undefined): string | undefined {
  switch (node?.kind) {
    case undefined:
    case "null":
      return "";
    case "str":
      return node.value;
    case "int":
    case "bool":
      return String(node.value);
    default:
      return undefined;
  }
}

/** What a resource is called. */
export function refOf(resource: Mapping): ResourceRef {
  const metadata = find(resource, "metadata")?.value;
  return {
    apiVersion: textIn(resource, "apiVersion"),
    kind: textIn(resource, "kind"),
    name: textIn(metadata, "name"),
    namespace: textIn(metadata, "namespace"),
  };
}

/** A resource in messages: `Secret shop/db`. */
export const nameOf = ({ kind, name, namespace }: ResourceRef): string =>
  `${kind === "" ? "a resource" : kind}${name === "" ? "" : ` ${namespace === "" ? "" : `${namespace}/`}${name}`}`;

/**
 * The texts of a list.
 *
 * @param path where the list is, for messages
 * @throws {KrmError} for anything but a list of texts
 */
export function textsOf(value: Node | undefined, path: string): string[] {
  if (value === undefined || value.kind === "null") return [];
  if (value.kind !== "seq") throw new KrmError(`${path} must be a list of file names`);
  return value.items.flatMap((item, index) => {
    if (item.kind === "comment") return [];
    if (item.kind !== "str" || item.value === "")
      throw new KrmError(`${path}[${index}] must be the name of a file`);
    return [item.value];
  });
}

/** The same tree without comments, which may hold secrets that were encrypted. */
export function withoutComments<T extends Node>(node: T): T {
  if (node.kind === "map") {
    node.items = node.items.filter((item) => item.kind === "entry");
    for (const item of node.items) if (item.kind === "entry") withoutComments(item.value);
  } else if (node.kind === "seq") {
    node.items = node.items.filter((item) => item.kind !== "comment");
    for (const item of node.items) withoutComments(item);
  }
  return node;
}
