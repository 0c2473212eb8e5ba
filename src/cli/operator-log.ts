import { printable } from "../io/printable.ts";
import type { Log } from "../operator/controller.ts";

/** How log lines look, in the words of the former operator's `-zap-…` flags; "" where a flag was not given. */
export interface LogSettings {
  readonly development: boolean;
  readonly encoder: string;
  readonly level: string;
  readonly timeEncoding: string;
}

const ranks = { debug: 0, info: 1, error: 2 } as const;

const timeEncodings: Readonly<Record<string, (now: Date) => string | number>> = {
  iso8601: (now) => now.toISOString(),
  rfc3339: (now) => now.toISOString().replace(/\.\d+Z$/, "Z"),
  rfc3339nano: (now) => now.toISOString().replace("Z", "000000Z"),
  epoch: (now) => now.getTime() / 1000,
  millis: (now) => now.getTime(),
  nano: (now) => now.getTime() * 1_000_000,
};

/** What is wrong with the settings, a sentence each: the defaults are used in place of it. */
export function logMistakes(settings: LogSettings): string[] {
  const { encoder, level, timeEncoding } = inLowerCase(settings);
  const mistakes: string[] = [];
  if (level !== "" && rankOf(level) === undefined)
    mistakes.push("-zap-log-level must be debug, info, error or a number; using info");
  if (!["", "json", "console"].includes(encoder))
    mistakes.push("-zap-encoder must be json or console; using json");
  if (timeEncoding !== "" && timeEncodings[timeEncoding] === undefined)
    mistakes.push(
      `-zap-time-encoding must be one of ${Object.keys(timeEncodings).join(", ")}; using iso8601`,
    );
  return mistakes;
}

function rankOf(level: string): number | undefined {
  if (/^\d+$/.test(level)) return Number(level) > 0 ? ranks.debug : ranks.info;
  if (level === "panic") return ranks.error;
  return level === "debug" || level === "info" || level === "error" ? ranks[level] : undefined;
}

/** The same settings with words in lower case: the former operator takes them in any. */
const inLowerCase = (settings: LogSettings): LogSettings => ({
  development: settings.development,
  encoder: settings.encoder.toLowerCase(),
  level: settings.level.toLowerCase(),
  timeEncoding: settings.timeEncoding.toLowerCase(),
});

/** One line for each message: JSON, or for people with tabs between time, level, message and fields. */
export function operatorLog(
  given: LogSettings,
  now: () => Date,
  write: (line: string) => void,
): Log {
  const settings = inLowerCase(given);
  const { development, encoder } = settings;
  const least = rankOf(settings.level) ?? (development ? ranks.debug : ranks.info);
  const timeOf = timeEncodings[settings.timeEncoding] ?? ((at: Date) => at.toISOString());
  const isConsole = encoder === "console" || (encoder !== "json" && development);
  return (level, message, fields = {}) => {
    if (ranks[level] < least) return;
    const time = timeOf(now());
    if (!isConsole) {
      write(`${JSON.stringify({ level, ts: time, msg: message, ...fields })}\n`);
      return;
    }
    const name = development ? level.toUpperCase() : level;
    const rest = Object.keys(fields).length === 0 ? "" : `\t${JSON.stringify(fields)}`;
    write(`${time}\t${name}\t${printable(message)}${rest}\n`);
  };
}
