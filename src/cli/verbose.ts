import { timeText } from "../go/time.ts";
import type { Host } from "../io/host.ts";
import { printable } from "../io/printable.ts";
import type { Streams } from "./command.ts";

/**
 * The host of a run with `--verbose`: what it is told goes to stderr in the form of sops, which scripts search for
 * (`level=info msg="Data key recovered successfully"`).
 */
export function verboseHost(host: Host, streams: Streams): Host {
  return {
    ...host,
    inform: (topic, message, fields = {}) => {
      const words = [
        `time=${word(timeText(host.now()))}`,
        "level=info",
        `msg=${word(message)}`,
        ...Object.entries(fields).map(([name, value]) => `${name}=${word(value)}`),
      ];
      streams.writeStderr(`[${topic}]\t ${words.join(" ")}\n`);
    },
  };
}

/** A value as logrus writes it: in quotes unless it is one plain word. */
function word(text: string): string {
  return printable(/^[\w./@^+-]+$/.test(text) ? text : JSON.stringify(text));
}
