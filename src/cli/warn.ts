import type { Streams } from "./command.ts";

/** One line on stderr. */
export function warn(streams: Streams, message: string): void {
  streams.writeStderr(`${paint(streams, 33, "WARN")}: ${oneLine(message)}\n`);
}

export function info(streams: Streams, message: string): void {
  streams.writeStderr(`${paint(streams, 36, "INFO")}: ${oneLine(message)}\n`);
}

export function oneLine(text: string): string {
  return printable(text.replaceAll(/\s*[\r\n]+\s*/g, " ").trim());
}

/** The text with control characters spelt out: file names and keys must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

export function paint(streams: Streams, color: number, text: string): string {
  return streams.color ? `\u001b[${color}m${text}\u001b[0m` : text;
}
