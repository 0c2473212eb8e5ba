import { printable } from "../io/printable.ts";
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

export function paint(streams: Streams, color: number, text: string): string {
  return streams.color ? `\u001b[${color}m${text}\u001b[0m` : text;
}
