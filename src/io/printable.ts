/**
 * The text with control characters and marks that turn the direction of writing spelled out: what comes from files must
 * not steer the terminal. Line breaks and tabs stay; see {@link printableLine}.
 */
export function printable(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    spelledOut,
  );
}

/** The same for a name or an id, which must not begin lines of its own. */
export function printableLine(text: string): string {
  return printable(text).replaceAll(/[\t\n]/g, spelledOut);
}

/**
 * One line of JSON, with what {@link printable} spells out escaped as JSON does it: a reader gets the same value, a terminal is not steered.
 */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value);
  // JSON.stringify escapes control characters below space itself.
  return `${text.replaceAll(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

function spelledOut(char: string): string {
  const code = char.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}
