import { SopsmithError } from "../errors.ts";
import { printableLine } from "../io/printable.ts";
import { pathText, type Path } from "../tree/path.ts";

/**
 * A schema of any library that implements Standard Schema, version 1 (https://standardschema.dev): zod, valibot, arktype and others. `Output` is
 * what the schema makes of the values.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    /** The library's name. */
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Only for the compiler. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The values, or what is wrong with them. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong. Its message may quote the value, so that sopsmith does not show it. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema makes of the values. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["output"];

/** The values are not what the schema wants. Exit 1. */
export class SchemaMismatch extends SopsmithError {
  constructor(problems: readonly string[], files: readonly string[]) {
    const from = files.length === 0 ? "the environment" : files.join(", ");
    super(
      "schema-mismatch",
      1,
      `the configuration does not match its schema (${from}):\n${problems.map((line) => `  ${line}`).join("\n")}`,
      {
        file: files.length === 1 ? files[0] : undefined,
        hint: "Correct the values, or the schema. The values are not shown because they may be secret.",
      },
    );
  }
}

/**
 * Passes values through a schema.
 *
 * @param files where the values come from, for the message
 * @throws {SchemaMismatch} with the path of each problem and the type that is expected there; never with a value, and without the words of the
 *   schema's library, which may quote one
 */
export async function applySchema<Schema extends StandardSchema>(
  schema: Schema,
  values: unknown,
  files: readonly string[],
): Promise<SchemaOutput<Schema>> {
  let result: SchemaResult<unknown>;
  try {
    result = await schema["~standard"].validate(values);
  } catch {
    // Without the cause, whose message may quote a value.
    throw new SchemaMismatch(["the schema threw an error while it checked the values"], files);
  }
  if (result.issues === undefined) return result.value;
  throw new SchemaMismatch(
    [...new Set(result.issues.flatMap((issue) => problemsOf(issue, values)))],
    files,
  );
}

function problemsOf(issue: SchemaIssue, values: unknown): string[] {
  const path = stepsOf(issue);
  const place = path.length === 0 ? "the configuration" : printableLine(dotted(path));
  const found = valueAt(values, path);
  const unknown = unknownKeys(issue, found);
  if (unknown.length > 0)
    return unknown.map((key) => `${printableLine(dotted([...path, key]))}: unknown key`);
  if (field(issue, "expected") === "never") return [`${place}: unknown key`];
  const expected = expectedType(issue);
  if (found === undefined)
    return [`${place}: missing${expected === undefined ? "" : `, expected ${expected}`}`];
  const actual = typeName(found);
  return [
    expected === undefined || expected === actual
      ? `${place}: this ${actual} is not one that the schema accepts`
      : `${place}: expected ${expected}, found ${actual}`,
  ];
}

function stepsOf({ path = [] }: SchemaIssue): Path {
  return path.map((step) => {
    const key = typeof step === "object" ? step.key : step;
    return typeof key === "symbol" ? String(key) : key;
  });
}

/** `a.b[0]`; keys that are no words as `["a b"]`. */
function dotted(path: Path): string {
  let text = "";
  for (const step of path)
    text +=
      typeof step === "string" && /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(step)
        ? `${text === "" ? "" : "."}${step}`
        : pathText([step]);
  return text;
}

function valueAt(values: unknown, path: Path): unknown {
  let at = values;
  for (const step of path) at = member(at, step);
  return at;
}

function member(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[key];
}

/** The words that may be shown: the libraries' own ones for types. Anything else may be made from a value. */
const typeWords = new Map(
  "string number bigint boolean null undefined object array record date int nan map set tuple function symbol"
    .split(" ")
    .map((word) => [word, word]),
);
typeWords.set("int", "integer").set("integer", "integer").set("Date", "date").set("Array", "array");
typeWords.set("Object", "object").set("record", "object").set("tuple", "array");

/** What zod, valibot and arktype put beside the message: `expected`, where it is the name of a type. */
function expectedType(issue: SchemaIssue): string | undefined {
  const expected = field(issue, "expected");
  if (typeof expected !== "string") return undefined;
  return typeWords.get(expected.replace(/^(?:an?|the) /, ""));
}

/** What a library adds to its issues; some do it with a getter of a class. */
const field = (issue: SchemaIssue, name: string): unknown => Reflect.get(issue, name) as unknown;

/** Keys that a strict schema does not know, where the library lists them and they are there: they are names, no values. */
function unknownKeys(issue: SchemaIssue, found: unknown): string[] {
  const keys = field(issue, "keys");
  if (!Array.isArray(keys)) return [];
  return keys.filter(
    (key): key is string => typeof key === "string" && member(found, key) !== undefined,
  );
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  return value instanceof Uint8Array ? "bytes" : typeof value;
}
