/** What has a type in Go: the kinds of our tree's nodes, and those of a decoded configuration. */
export interface Typed {
  readonly kind:
    | "str"
    | "bytes"
    | "int"
    | "float"
    | "bool"
    | "time"
    | "null"
    | "comment"
    | "seq"
    | "map";
  readonly value?: unknown;
}

const names: Readonly<Record<Typed["kind"], string>> = {
  str: "string",
  bytes: "[]uint8",
  int: "int",
  float: "float64",
  bool: "bool",
  time: "time.Time",
  null: "<nil>",
  comment: "sops.Comment",
  seq: "[]interface {}",
  map: "sops.TreeBranch",
};

/** The type of a value in sops's tree as Go's `%T`, and so sops's messages, name it. */
export function goType({ kind, value }: Typed): string {
  return typeof value === "bigint" && value >= 2n ** 63n ? "uint64" : names[kind];
}

/** The same where sops holds what a decoder of metadata or configuration made, which knows neither comments nor bytes. */
export function goDecodedType(typed: Typed): string {
  switch (typed.kind) {
    case "map":
      return "map[string]interface {}";
    case "bytes":
    case "comment":
      return "string";
    default:
      return goType(typed);
  }
}
