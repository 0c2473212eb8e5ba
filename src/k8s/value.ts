/**
 * A manifest's values: what JSON holds, with exact 64-bit integers, in a shape in which no key is special and keys keep
 * their order. Values may be shared (YAML aliases) and are never changed; `line` counts from 1, 0 where there was no text.
 */
export type Value =
  | NullValue
  | BoolValue
  | IntValue
  | FloatValue
  | TextValue
  | ListValue
  | MapValue;

interface Placed {
  readonly line: number;
}

export interface NullValue extends Placed {
  readonly kind: "null";
}

export interface BoolValue extends Placed {
  readonly kind: "bool";
  readonly value: boolean;
  /** How it was written, where that was not `true` or `false`. */
  readonly spelling?: string;
}

/** −2⁶³ … 2⁶⁴−1. */
export interface IntValue extends Placed {
  readonly kind: "int";
  readonly value: bigint;
}

export interface FloatValue extends Placed {
  readonly kind: "float";
  readonly value: number;
}

export interface TextValue extends Placed {
  readonly kind: "text";
  readonly value: string;
}

export interface ListValue extends Placed {
  readonly kind: "list";
  readonly items: readonly Value[];
}

export interface MapValue extends Placed {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Value>;
}

export const text = (value: string, line = 0): TextValue => ({ kind: "text", value, line });

export const mapOf = (
  entries: Iterable<readonly [string, Value]> | ReadonlyMap<string, Value>,
  line = 0,
): MapValue => ({ kind: "map", entries: new Map(entries), line });

/** What a value is called in messages. */
export function describe(value: Value): string {
  switch (value.kind) {
    case "null":
      return "null";
    case "bool":
      return `the boolean ${String(value.value)}`;
    case "int":
      return `the number ${value.value}`;
    case "float":
      return `the number ${value.value}`;
    case "text":
      return "text";
    case "list":
      return "a list";
    case "map":
      return "a map";
    default:
      return value satisfies never;
  }
}

/** A path for messages: `data.title`, `spec.items[0]["a.b"]`. Keys are not secret, values never appear. */
export function pathText(path: readonly (string | number)[]): string {
  let out = "";
  for (const step of path) {
    if (typeof step === "number") out += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) out += out === "" ? step : `.${step}`;
    else out += `[${JSON.stringify(step)}]`;
  }
  return out;
}
