import type { ConfigValue } from "./values.ts";

/** Why a build for browsers fails. */
export const clientRefusal = (file: string): string =>
  `${file} is encrypted and belongs on the server: import it only in code that no browser loads.`;

/**
 * A module that decrypts a file when the program starts.
 *
 * @param url an expression for the file's address
 * @param runtime where the module finds sopsmith
 */
export const fileModule = (url: string, runtime = "sopsmith/runtime"): string =>
  `import { openFile } from ${literal(runtime)};\nexport default await openFile(new URL(${url}));\n`;

/** A module with an encrypted file in it, which is decrypted when the program starts. */
export const textModule = (content: Uint8Array | string, file: string): string =>
  `import { openText } from "sopsmith/runtime";\nexport default await openText(${literal(String(content))}, ${literal(file)});\n`;

/** A module with decrypted values in it. */
export const valuesModule = (values: ConfigValue): string => `export default ${code(values)};\n`;

/** A value as an expression. Nothing is deeper here than what somebody imports. */
function code(value: ConfigValue): string {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  if (value instanceof Uint8Array) return `new Uint8Array([${[...value].join()}])`;
  if (Array.isArray(value)) return `[${value.map(code).join()}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([key, member]) => `[${literal(key)}]:${code(member)}`,
    );
    return `{${members.join()}}`;
  }
  // JSON has no NaN and no infinity.
  return typeof value === "string" ? literal(value) : Object.is(value, -0) ? "-0" : String(value);
}

/** Text as a literal of JavaScript that ends no line and no script. */
const literal = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[\u2028\u2029<]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
