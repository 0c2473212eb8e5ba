import { formatNamed } from "../../formats/index.ts";
import { SopsmithError } from "../errors.ts";
import { isLayoutChoice } from "../layout/choice.ts";
import { providers } from "../keys/index.ts";

/** An argument of a library's function that is not what it must be. Exit 1. The message names the argument, never its value. */
export class InvalidArgument extends SopsmithError {
  /** @param at the argument, such as `options.recipients.age[1]` */
  constructor(
    at: string,
    what: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super("invalid-argument", 1, `${at}: ${what}`, options);
  }
}

/** Looks at a value; `at` is what messages call it. Throws `InvalidArgument`. */
export type Check = (value: unknown, at: string) => void;

/** What a value is, for messages, without what is in it: "a number", "an array", "an instance of Map". */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return `a ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return "an object";
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object";
}

const refuse = (at: string, expected: string, value: unknown, hint?: string): never => {
  throw new InvalidArgument(at, `expected ${expected}, not ${kindOf(value)}`, { hint });
};

export const text: Check = (value, at) => {
  if (typeof value !== "string") refuse(at, "a string", value);
};

export const flag: Check = (value, at) => {
  if (typeof value !== "boolean") refuse(at, "true or false", value);
};

export const callback: Check = (value, at) => {
  if (typeof value !== "function") refuse(at, "a function", value);
};

export const wholeNumber =
  (least: number, most: number): Check =>
  (value, at) => {
    if (typeof value !== "number") refuse(at, "a whole number", value);
    else if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgument(at, `expected a whole number from ${least} to ${most}`);
  };

/** One of some words. */
export const word =
  (known: readonly string[], isKnown = (name: string): boolean => known.includes(name)): Check =>
  (value, at) => {
    const expected = `one of ${known.join(", ")}`;
    if (typeof value !== "string") refuse(at, expected, value);
    else if (!isKnown(value))
      throw new InvalidArgument(at, `expected ${expected}${meant(value, known)}`);
  };

export const format: Check = word(
  ["yaml", "json", "dotenv", "ini", "binary"],
  (name) => formatNamed(name) !== undefined,
);
export const layout: Check = word(["keep", "sops"], isLayoutChoice);
export const keyType: Check = word(providers.map(({ type }) => type));

/** Text, or a list of texts. */
export const texts: Check = (value, at) => {
  if (typeof value === "string") return;
  if (!Array.isArray(value)) refuse(at, "a string or an array of strings", value);
  else for (const [i, item] of value.entries()) text(item, `${at}[${i}]`);
};

export const listOf =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) refuse(at, "an array", value);
    else for (const [i, item] of value.entries()) check(item, `${at}[${i}]`);
  };

/** A path inside a document: text, or steps. */
export const treePath: Check = (value, at) => {
  if (typeof value === "string") return;
  if (!Array.isArray(value))
    refuse(at, 'an array of keys and positions, or text such as ["a"][0]', value);
  else
    for (const [i, step] of value.entries())
      if (typeof step !== "string" && !Number.isSafeInteger(step))
        refuse(`${at}[${i}]`, "a key or a position", step);
};

/** A file's path: text or a `file:` URL. */
export const path: Check = (value, at) => {
  if (value instanceof URL) {
    if (value.protocol !== "file:")
      throw new InvalidArgument(at, `expected a file: URL, not one of ${value.protocol}`);
  } else if (typeof value !== "string") refuse(at, "a path as text or a file: URL", value);
  else if (value === "") throw new InvalidArgument(at, "expected a path, not the empty text");
  else if (value.includes("\0")) throw new InvalidArgument(at, "a path cannot hold a NUL");
};

/** A file's content. */
export const content: Check = (value, at) => {
  if (typeof value !== "string" && !(value instanceof Uint8Array))
    refuse(at, "text or a Uint8Array", value, "A function whose name ends in File takes a path.");
};

/** Variables by their names. */
export const variables: Check = (value, at) => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    refuse(at, "an object of variables", value);
  else
    for (const [name, one] of Object.entries(value))
      if (one !== undefined && typeof one !== "string") refuse(`${at}.${name}`, "a string", one);
};

/** For each key type the ids of its keys. */
export const recipients: Check = (value, at) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(at, 'an object such as { age: "age1…" }', value);
    return;
  }
  const known = providers.map(({ type }) => type);
  for (const [type, ids] of Object.entries(value)) {
    if (!known.some((one) => one === type))
      throw new InvalidArgument(`${at}.${type}`, `there is no such key type${meant(type, known)}`, {
        hint: `Key types: ${known.join(", ")}.`,
      });
    if (ids !== undefined) texts(ids, `${at}.${type}`);
  }
};

/** One group of keys, or several. */
export const groups: Check = (value, at) => {
  if (!Array.isArray(value)) recipients(value, at);
  else if (value.length === 0) throw new InvalidArgument(at, "expected at least one group of keys");
  else for (const [i, group] of value.entries()) recipients(group, `${at}[${i}]`);
};

/** What a function takes, by the option's name. */
export type Checks = Readonly<Record<string, Check>>;

/**
 * Looks at all options.
 *
 * @param needed names of those that must be there
 * @throws {InvalidArgument} also for an option that there is not
 */
export function checkOptions(
  options: unknown,
  checks: Checks,
  needed: readonly string[] = [],
): void {
  if (options === undefined && needed.length === 0) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    refuse("options", "an object", options);
    return;
  }
  const given = new Map<string, unknown>(Object.entries(options));
  for (const name of needed)
    if (given.get(name) === undefined)
      throw new InvalidArgument(`options.${name}`, "it is missing");
  for (const [name, value] of given) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      const known = Object.keys(checks);
      throw new InvalidArgument(`options.${name}`, `there is no such option${meant(name, known)}`, {
        hint: `Options: ${known.toSorted().join(", ")}.`,
      });
    }
    if (value !== undefined) check(value, `options.${name}`);
  }
}

/** `; did you mean age?` where a known word is near, else nothing. */
function meant(word: string, known: readonly string[]): string {
  const [nearest] = known
    .map((name) => ({ name, distance: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter((near) => near.distance <= Math.max(1, Math.floor(near.name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance);
  return nearest === undefined ? "" : `; did you mean ${nearest.name}?`;
}

/** How many letters must be put in, taken out or changed to make one word of the other. */
function distance(a: string, b: string): number {
  if (a.length > 64) return a.length;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(
        Math.min(
          (row[j + 1] ?? 0) + 1,
          (next[j] ?? 0) + 1,
          (row[j] ?? 0) + (letter === other ? 0 : 1),
        ),
      );
    row = next;
  }
  return row.at(-1) ?? a.length;
}
