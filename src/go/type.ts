import { MAX_INT64, type Node } from "../tree/node.ts";

/** The type of a value as Go, and so sops's messages, name it. */
export function goType(node: Node): string {
  switch (node.kind) {
    case "str":
      return "string";
    case "bytes":
      return "[]uint8";
    case "int":
      return node.value > MAX_INT64 ? "uint64" : "int";
    case "float":
      return "float64";
    case "time":
      return "time.Time";
    case "null":
      return "<nil>";
    case "comment":
      return "sops.Comment";
    case "map":
      return "sops.TreeBranch";
    case "seq":
      return "[]interface {}";
    case "bool":
      return "bool";
    default:
      return node satisfies never;
  }
}
