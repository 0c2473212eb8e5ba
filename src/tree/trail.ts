import type { Mapping, Sequence } from "./node.ts";

/** The collections around a node, outermost first, each with its path's mapping keys, every one followed by ":". */
export type Trail = readonly { readonly collection: Mapping | Sequence; readonly prefix: string }[];

/** The additional data of a comment at the end of a trail (spec file-format 2.4). */
export function aadOf(trail: Trail): string {
  const prefix = trail.at(-1)?.prefix ?? "";
  return prefix === "" ? ":" : prefix;
}

/** The mapping keys along a trail. */
export function keysOf(trail: Trail): string[] {
  const keys: string[] = [];
  let last = "";
  for (const { prefix } of trail) {
    if (prefix.length > last.length) keys.push(prefix.slice(last.length, -1));
    last = prefix;
  }
  return keys;
}
