import { SopsmithError } from "../errors.ts";
import { parseBool } from "../go/parse-bool.ts";
import { parseInt64 } from "../go/parse-int.ts";
import type { Flag } from "./flags.ts";

/** The command line itself is wrong. Exit 1. */
export class UsageError extends SopsmithError {
  constructor(message: string, exitCode = 1, hint?: string) {
    super("usage", exitCode, message, { hint });
  }
}

/** A command line in the one spelling there is. */
export interface Arguments {
  /** Each flag as `--long-name=value`, in the order given. */
  readonly given: readonly string[];
  readonly operands: readonly string[];
  /** How many of the operands are in front of `--`; undefined without it. */
  readonly separator?: number;
  /** Name of the first flag that does not exist; nothing after it was looked at. */
  readonly unknown?: string;
}

/**
 * Reads words by the rules of Go's `flag` package: one or two dashes are the same, a value flag takes the next word
 * whatever it looks like, a boolean takes one only after `=`, `--` ends the flags.
 *
 * @param where `command`: known flags may also come after operands, and unknown words with a dash are operands there;
 *   `global`: the first operand ends the flags
 * @param leading flags that are known only in front of all operands
 * @throws {UsageError} for a value that is missing or malformed, and for a flag given under two of its names
 * @see spec cli 1.1, 1.2
 */
export function readArguments(
  words: readonly string[],
  flags: readonly Flag[],
  where: "global" | "command",
  leading: ReadonlySet<Flag> = new Set(),
): Arguments {
  const byName = new Map<string, Flag>();
  for (const flag of flags) for (const name of flag.names) byName.set(name, flag);
  const given: string[] = [];
  const operands: string[] = [];
  let separator: number | undefined;
  const spellings = new Map<Flag, Set<string>>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word === "--") {
      separator = operands.length;
      for (const one of words.slice(i + 1)) operands.push(one);
      break;
    }
    if (word.length < 2 || !word.startsWith("-")) {
      if (where === "global") {
        for (const one of words.slice(i)) operands.push(one);
        break;
      }
      operands.push(word);
      continue;
    }
    const { name, value: attached } = splitFlag(word);
    const flag = byName.get(name);
    if (flag === undefined || (operands.length > 0 && leading.has(flag))) {
      if (operands.length > 0) {
        operands.push(word);
        continue;
      }
      if (name === "" || name.startsWith("-")) throw new UsageError(`bad flag syntax: ${word}`);
      return { given, operands: [], unknown: name };
    }
    let value = attached;
    if (value === undefined && flag.kind === "bool") value = "true";
    if (value === undefined) {
      i += 1;
      value = words[i];
      if (value === undefined) throw new UsageError(`flag needs an argument: -${name}`);
    }
    given.push(`--${flag.names[0]}=${canonicalValue(flag, name, value)}`);
    const names = spellings.get(flag);
    if (names === undefined) spellings.set(flag, new Set([name]));
    else names.add(name);
  }
  refuseTwoForms(flags, spellings);
  return { given, operands, ...(separator === undefined ? {} : { separator }) };
}

/**
 * The flags that the environment supplies, in the form of `Arguments.given`. A set but empty variable counts as set.
 *
 * @param onCommandLine what was given there: one use of a list flag replaces the variable's whole list
 */
export function environmentArguments(
  flags: readonly Flag[],
  env: Readonly<Record<string, string | undefined>>,
  onCommandLine: readonly string[] = [],
): string[] {
  const given: string[] = [];
  for (const flag of flags) {
    const text = flag.env === undefined ? undefined : env[flag.env];
    if (text === undefined) continue;
    if (flag.kind === "list") {
      const name = `--${flag.names[0]}=`;
      if (text !== "" && !onCommandLine.some((word) => word.startsWith(name)))
        for (const one of text.split(",").map((part) => name + part.trim())) given.push(one);
      continue;
    }
    if (flag.kind !== "bool") {
      given.push(`--${flag.names[0]}=${text}`);
      continue;
    }
    const value = text === "" ? false : parseBool(text);
    if (value === undefined)
      throw new UsageError(
        `could not parse ${flag.env ?? ""} as bool value for flag ${flag.names[0]}; use true or false, or unset the variable`,
      );
    given.push(`--${flag.names[0]}=${value}`);
  }
  return given;
}

function splitFlag(word: string): { name: string; value: string | undefined } {
  const body = word.slice(word.startsWith("--") ? 2 : 1);
  // Go looks for the "=" from the second character on, so that "--=x" is bad syntax, not a flag without a name.
  const equals = body.indexOf("=", 1);
  if (body.startsWith("=")) return { name: "", value: undefined };
  return equals < 0
    ? { name: body, value: undefined }
    : { name: body.slice(0, equals), value: body.slice(equals + 1) };
}

function canonicalValue(flag: Flag, name: string, text: string): string {
  switch (flag.kind) {
    case "text":
    case "list":
      return text;
    case "bool": {
      const value = parseBool(text);
      if (value === undefined)
        throw new UsageError(`invalid boolean value for -${name}: use true or false`);
      return String(value);
    }
    case "int": {
      const value = parseInt64(text);
      // Beyond that a number is not exact, and no flag wants one.
      if (value === undefined || !Number.isSafeInteger(Number(value)))
        throw new UsageError(`invalid value for flag -${name}: it must be an integer`);
      const { from, to } = flag.range ?? { from: -Infinity, to: Infinity };
      if (Number(value) < from || Number(value) > to)
        throw new UsageError(`invalid value for flag -${name}: it must be from ${from} to ${to}`);
      return String(value);
    }
    default:
      return flag satisfies never;
  }
}

function refuseTwoForms(
  flags: readonly Flag[],
  spellings: ReadonlyMap<Flag, ReadonlySet<string>>,
): void {
  for (const flag of flags) {
    const used = flag.names.filter((name) => spellings.get(flag)?.has(name) === true);
    if (used.length > 1)
      throw new UsageError(
        `Cannot use two forms of the same flag: ${used[1] ?? ""} ${used[0] ?? ""}`,
      );
  }
}
