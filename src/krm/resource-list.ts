import type { Chunks, Format } from "../../formats/format.ts";
import { entry, find, map, seq, str, type Documents, type Mapping } from "../tree/node.ts";
import { KrmError } from "./problem.ts";
import { textIn, type ResourceRef } from "./resource.ts";

/** What a caller of KRM functions sends: resources, and how the function is to work on them. */
export interface ResourceList {
  readonly apiVersion: string;
  readonly items: readonly Mapping[];
  readonly functionConfig: Mapping | undefined;
}

/** One thing that the caller should know. */
export interface Result {
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly resource: ResourceRef | undefined;
  /** Where in the resource, such as `files[0]`. */
  readonly field: string | undefined;
  readonly file: string | undefined;
}

export const isResourceList = (document: Mapping): boolean =>
  textIn(document, "kind") === "ResourceList" &&
  textIn(document, "apiVersion").startsWith("config.kubernetes.io/");

/** @throws {KrmError} for items that are no resources */
export function parseResourceList(document: Mapping): ResourceList {
  const items = find(document, "items")?.value;
  if (items !== undefined && items.kind !== "seq" && items.kind !== "null")
    throw new KrmError("items of the ResourceList must be a list");
  const config = find(document, "functionConfig")?.value;
  return {
    apiVersion: textIn(document, "apiVersion"),
    items: (items?.kind === "seq" ? items.items : []).flatMap((item, index) => {
      if (item.kind === "comment") return [];
      if (item.kind !== "map") throw new KrmError(`items[${index}] is not a resource`);
      return [item];
    }),
    functionConfig: config?.kind === "map" ? config : undefined,
  };
}

/** The answer as YAML. */
export function emitResourceList(
  { apiVersion, items, functionConfig }: ResourceList,
  results: readonly Result[],
  format: Format,
): Chunks {
  const document = map([
    entry("apiVersion", str(apiVersion)),
    entry("kind", str("ResourceList")),
    entry("items", seq([...items])),
    ...(functionConfig === undefined ? [] : [entry("functionConfig", functionConfig)]),
    ...(results.length === 0 ? [] : [entry("results", seq(results.map(resultTree)))]),
  ]);
  return format.emit([document], { sealed: false, indent: 2, quoteMergeKeys: true });
}

/** Resources as YAML documents. */
export const emitResources = (items: Documents, format: Format): Chunks =>
  items.length === 0 ? [] : format.emit(items, { sealed: false, indent: 2, quoteMergeKeys: true });

function resultTree({ severity, message, resource, field, file }: Result): Mapping {
  const texts = (held: Readonly<Record<string, string>>) =>
    map(
      Object.entries(held)
        .filter(([, value]) => value !== "")
        .map(([key, value]) => entry(key, str(value))),
    );
  return map([
    entry("message", str(message)),
    entry("severity", str(severity)),
    ...(resource === undefined ? [] : [entry("resourceRef", texts({ ...resource }))]),
    ...(field === undefined ? [] : [entry("field", texts({ path: field }))]),
    ...(file === undefined ? [] : [entry("file", texts({ path: file }))]),
  ]);
}
