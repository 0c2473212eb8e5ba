import type { Warn } from "../../formats/format.ts";
import { decodeError, type Entry, type MapValue, type ScalarValue, type Value } from "./yaml.ts";
import type { Resolved } from "../../formats/yaml/resolve.ts";
import type { ConfigError } from "../errors.ts";
import { MAX_INT64 } from "../tree/node.ts";

/** What reading one configuration file needs at every level. */
export interface Reading {
  /** Shown in messages. */
  readonly path: string;
  readonly warn: Warn;
  /** Values read so far; a file whose aliases expand to too many is refused. */
  visits: number;
  /** Warnings about unknown fields so far. */
  unknown: number;
}

const MAX_VISITS = 400_000;
const MAX_MERGE_DEPTH = 1000;
const MAX_WARNINGS = 20;

/**
 * The fields of one mapping, read by name as go-yaml decodes them into a struct (spec config section 2): null and an
 * absent field read as the default. What was not asked for by the time of `finish` gets a warning.
 */
export class Fields {
  readonly line: number;
  private readonly reading: Reading;
  private readonly place: string;
  private readonly entries: ReadonlyMap<string, Entry>;
  private readonly asked = new Set<string>();

  /**
   * @param place what the mapping is, with its article, for messages: "a creation rule"
   * @throws {ConfigError} for anything but a mapping, null or undefined, and for a key that is there twice
   */
  constructor(value: Value | undefined, place: string, reading: Reading) {
    this.place = place;
    this.reading = reading;
    this.line = value?.line ?? 1;
    visit(reading, this.line);
    if (value === undefined || isNull(value)) this.entries = new Map();
    else if (value.kind === "map") this.entries = uniqueEntries(value, reading.path);
    else throw typeError(reading.path, value, place, "a mapping");
  }

  /** A scalar of any type, as it is written; "" when absent. */
  text(name: string): string {
    const value = this.value(name);
    return value === undefined ? "" : textOf(value, `'${name}'`, this.reading);
  }

  /** An integer in a range, both ends included. Floats lose their fraction, as in Go. */
  integer(name: string, { min, max }: { min: number; max: number }): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const number = value.kind === "scalar" ? integerOf(value) : undefined;
    if (number === undefined) throw typeError(this.reading.path, value, `'${name}'`, "an integer");
    if (number < min || number > max)
      throw typeError(this.reading.path, value, `'${name}'`, `an integer from ${min} to ${max}`);
    return number;
  }

  /** One of a few words; undefined for an absent field. */
  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const word = words.find((one) => value.kind === "scalar" && value.text === one);
    if (word === undefined)
      throw typeError(this.reading.path, value, `'${name}'`, words.join(" or "));
    return word;
  }

  /** `true` and `false`, and YAML 1.1's words; of these, go-yaml takes the second kind even in quotes. */
  bool(name: string): boolean {
    const value = this.value(name);
    if (value === undefined) return false;
    if (value.kind === "scalar" && value.value.kind === "bool") return value.value.value;
    if (value.kind === "scalar" && value.value.kind === "str") {
      if (/^(?:y|Y|yes|Yes|YES|on|On|ON)$/u.test(value.text)) return true;
      if (/^(?:n|N|no|No|NO|off|Off|OFF)$/u.test(value.text)) return false;
    }
    throw typeError(this.reading.path, value, `'${name}'`, "true or false");
  }

  /** The elements of a list but the null ones; undefined when the field is absent or null. */
  list(name: string): Value[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (value.kind !== "list") throw typeError(this.reading.path, value, `'${name}'`, "a list");
    return value.items.filter((item) => {
      visit(this.reading, item.line);
      return !isNull(item);
    });
  }

  texts(name: string): string[] {
    return (this.list(name) ?? []).map((item) =>
      textOf(item, `each item of '${name}'`, this.reading),
    );
  }

  /** Texts by key; null stays undefined. An absent field is an empty map. */
  textMap(name: string): Map<string, string | undefined> {
    const texts = new Map<string, string | undefined>();
    const value = this.value(name);
    if (value === undefined) return texts;
    if (value.kind !== "map") throw typeError(this.reading.path, value, `'${name}'`, "a mapping");
    for (const [key, entry] of uniqueEntries(value, this.reading.path)) {
      visit(this.reading, entry.line);
      texts.set(
        key,
        isNull(entry.value) ? undefined : textOf(entry.value, `'${name}'`, this.reading),
      );
    }
    return texts;
  }

  /** Whatever the field holds; undefined when it is absent or null. */
  value(name: string): Value | undefined {
    this.asked.add(name);
    const value = this.entries.get(name)?.value;
    return value === undefined || isNull(value) ? undefined : value;
  }

  nested(name: string, place: string): Fields {
    return new Fields(this.value(name), place, this.reading);
  }

  /**
   * Warns of each field that nobody asked for: no sops reads it.
   *
   * @param options.notes what to say of names that are easily mistaken
   * @param options.isAnchorAllowed a field that holds an anchor is there for its aliases, and needs no warning unless its
   * name is close to a known one
   */
  finish(
    options: { notes?: Readonly<Record<string, string>>; isAnchorAllowed?: boolean } = {},
  ): void {
    const notes = new Map(Object.entries(options.notes ?? {}));
    for (const [name, { line, value }] of this.entries) {
      if (this.asked.has(name) || this.reading.unknown > MAX_WARNINGS) continue;
      const similar = closest(name, this.asked);
      if (similar === undefined && options.isAnchorAllowed === true && value.hasAnchor) continue;
      this.reading.unknown++;
      if (this.reading.unknown > MAX_WARNINGS) {
        this.reading.warn(
          `${this.reading.path} line ${line}: further unknown fields are not listed`,
        );
        return;
      }
      const note =
        notes.get(name) ?? (similar === undefined ? undefined : `did you mean "${similar}"?`);
      const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
      this.reading.warn(
        `${this.reading.path} line ${line}: unknown field ${shown} in ${this.place} is ignored${note === undefined ? "" : `; ${note}`}`,
      );
    }
  }
}

/** Counts one value; aliases may make a small file stand for a huge one. */
export function visit(reading: Reading, line: number): void {
  reading.visits++;
  if (reading.visits > MAX_VISITS)
    throw decodeError(reading.path, line, "document contains excessive aliasing");
}

/** For lists inside lists: `merge` in key groups. */
export function checkMergeDepth(depth: number, line: number, reading: Reading): void {
  if (depth > MAX_MERGE_DEPTH) throw decodeError(reading.path, line, "exceeded max depth");
}

const isNull = (value: Value): boolean => value.kind === "scalar" && value.value.kind === "null";

export function textOf(value: Value, subject: string, reading: Reading): string {
  if (value.kind === "scalar") return value.text;
  throw typeError(reading.path, value, subject, "a string");
}

function integerOf({ value }: ScalarValue): number | undefined {
  if (value.kind === "int") return value.value <= MAX_INT64 ? Number(value.value) : undefined;
  if (value.kind !== "float") return undefined;
  const whole = Math.trunc(value.value);
  return Math.abs(whole) < 2 ** 63 ? whole : undefined;
}

function uniqueEntries(value: MapValue, path: string): ReadonlyMap<string, Entry> {
  if (value.duplicate === undefined) return value.entries;
  const { line, firstLine, key } = value.duplicate;
  const shown = JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
  throw decodeError(path, line, `mapping key ${shown} already defined at line ${firstLine}`);
}

function typeError(path: string, value: Value, subject: string, wanted: string): ConfigError {
  return decodeError(
    path,
    value.line,
    `cannot unmarshal ${typeName(value)} where ${subject} must be ${wanted}`,
  );
}

function typeName(value: Value): string {
  return value.kind === "scalar"
    ? scalarNames[value.value.kind]
    : `a ${value.kind === "list" ? "list" : "mapping"}`;
}

const scalarNames: Readonly<Record<Resolved["kind"], string>> = {
  null: "null",
  bool: "a boolean",
  int: "an integer",
  float: "a number",
  time: "a timestamp",
  str: "a string",
  bytes: "binary data",
};

/** The known name that the other one is most likely a slip of; undefined when none is near. */
function closest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > 60) return undefined;
  const bare = (text: string): string => text.toLowerCase().replace(/[-_. ]/gu, "");
  const limit = name.length < 4 ? 1 : name.length < 8 ? 2 : 3;
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    // A short name is near to everything.
    const distance =
      bare(candidate) === bare(name)
        ? 0
        : editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance * 2 < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions and changes of one character, and exchanges of two neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(change, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
