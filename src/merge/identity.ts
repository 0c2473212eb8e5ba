import type { Item, Node, Scalar } from "../tree/node.ts";
import { joinChunks } from "../tree/long-text.ts";
import { floatText } from "../go/float.ts";

/**
 * Gives nodes numbers: two nodes have the same one exactly when they are equal in type, value, keys, order and comments. Where a comment was
 * on its line is layout and does not count. Each node is looked at once, however often it is asked for.
 */
export class Identities {
  private readonly numbers = new Map<string, number>();
  private readonly known = new WeakMap<Node | Item, number>();

  of(node: Node | Item): number {
    const known = this.known.get(node);
    if (known !== undefined) return known;
    const text = this.textOf(node);
    let number = this.numbers.get(text);
    if (number === undefined) this.numbers.set(text, (number = this.numbers.size));
    this.known.set(node, number);
    return number;
  }

  areEqual(a: Node | undefined, b: Node | undefined): boolean {
    return a === undefined || b === undefined ? a === b : this.of(a) === this.of(b);
  }

  private textOf(node: Node | Item): string {
    switch (node.kind) {
      case "entry":
        return `entry ${this.of(node.value)} ${node.foreign ?? ""} ${node.key}`;
      case "map":
      case "seq":
        return `${node.kind} ${(node.items as (Node | Item)[]).map((item) => this.of(item)).join(" ")}`;
      case "null":
        return "null";
      case "comment":
        return `comment ${node.value}`;
      default:
        return scalarText(node);
    }
  }
}

/** A scalar's type and value as one text: equal exactly for equal scalars. */
export function scalarText(leaf: Scalar): string {
  switch (leaf.kind) {
    case "str":
      return `str ${leaf.long === undefined ? leaf.value : Buffer.from(joinChunks(leaf.long.pieces)).toString("utf8")}`;
    case "bytes":
      return `bytes ${Buffer.from(leaf.value).toString("latin1")}`;
    case "float":
      return `float ${floatText(leaf.value)}`;
    case "int":
    case "bool":
    case "time":
      return `${leaf.kind} ${String(leaf.value)}`;
    default:
      return leaf satisfies never;
  }
}
