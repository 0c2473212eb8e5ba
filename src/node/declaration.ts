import { basename } from "node:path";
import { printableLine } from "../io/printable.ts";
import type { Member, ValueType } from "./value-types.ts";

/** How every file begins that `sopsmith types` makes: it replaces no others. */
export const MADE_BY_TYPES = "// Made by sopsmith types";

/** The name of the file with the types of another: `a.enc.d.yaml.ts` for `a.enc.yaml`. */
export function declarationName(file: string): string {
  const dot = file.lastIndexOf(".");
  return `${file.slice(0, dot)}.d${file.slice(dot)}.ts`;
}

/** What `import values from "./a.enc.yaml"` gives, as a declaration beside that file. */
export function declarationOf(file: string, type: ValueType): string {
  const name = oneLine(basename(file));
  if (file.endsWith(".json"))
    return `${MADE_BY_TYPES} from ${name}: run it again when keys change.

/** The values of ${name}, decrypted. */
declare const values: ${text(type, "")};
// @ts-ignore Allowed for JSON, which TypeScript takes for CommonJS.
export = values;
`;
  return `${MADE_BY_TYPES} from ${name}: run it again when keys change.
export type Values = ${text(type, "")};

/** The values of ${name}, decrypted. */
declare const values: Values;
export default values;
`;
}

/** The same for several files in one: each is imported by a path that ends in its name. */
export function ambientDeclaration(files: ReadonlyMap<string, ValueType>): string {
  const modules = [...files].map(
    ([file, type]) => `
declare module ${JSON.stringify(`*/${basename(file)}`)} {
  export type Values = ${text(type, "  ")};

  /** The values of ${oneLine(basename(file))}, decrypted. */
  const values: Values;
  export default values;
}
`,
  );
  return `${MADE_BY_TYPES}: run it again when keys change.\n${modules.join("")}`;
}

function text({ leaves, object, list }: ValueType, indent: string): string {
  const parts = [...new Set([...leaves].flatMap((name) => name.split(" | ")))].toSorted();
  if (object !== undefined) parts.push(objectText(object, indent));
  if (list !== undefined) {
    const element = text(list, indent);
    parts.push(/^[\w$]+$/.test(element) ? `${element}[]` : `Array<${element}>`);
  }
  return parts.length === 0 ? "never" : parts.join(" | ");
}

function objectText(object: Map<string, Member>, indent: string): string {
  if (object.size === 0) return "Record<string, never>";
  const inner = `${indent}  `;
  const members = [...object].map(([key, { type, isOptional, notes }]) => {
    const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key.toWellFormed());
    const value = text(type, inner);
    const member = isOptional ? `${name}?: ${value} | undefined` : `${name}: ${value}`;
    return `${commentText(notes, inner)}${inner}${member};\n`;
  });
  return `{\n${members.join("")}${indent}}`;
}

function commentText(notes: readonly string[], indent: string): string {
  const lines = notes.map(oneLine);
  if (lines.length === 0) return "";
  if (lines.length === 1) return `${indent}/** ${lines.join("")} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}

/** Text that ends neither a line nor a comment. */
const oneLine = (line: string): string =>
  printableLine(line.toWellFormed()).replaceAll("*/", "*\\/");
