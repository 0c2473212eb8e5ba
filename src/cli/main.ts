import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { environmentArguments } from "./args.ts";
import type { Streams } from "./command.ts";
import { environmentBooleans } from "./flags.ts";
import { oneLine, printable, warn } from "./warn.ts";

/**
 * Runs one command line. Nothing is thrown: what goes wrong is printed on `streams` as one message and, where there is
 * one, a line that says what to do.
 *
 * @param argv the words behind the program's name
 * @returns the exit status
 */
export async function run(argv: readonly string[], host: Host, streams: Streams): Promise<number> {
  try {
    environmentArguments(environmentBooleans, host.env);
    const [word = ""] = argv;
    if (argv.length === 1 && /^--?(?:version|v)$/.test(word)) {
      const { versionLine } = await import("../version.ts");
      await streams.writeStdout([`${versionLine}\n`]);
    } else {
      const { start } = await import("./program.ts");
      await start(argv, host, streams);
    }
    return 0;
  } catch (error) {
    return report(error, streams);
  }
}

function report(error: unknown, streams: Streams): number {
  if (!(error instanceof SopsmithError)) {
    streams.writeStderr(`${describe(error)}\n`);
    return 1;
  }
  if (error.message !== "") streams.writeStderr(`${printable(error.message.trimEnd())}\n`);
  if (error.hint !== undefined) streams.writeStderr(`${printable(error.hint)}\n`);
  return error.exitCode;
}

/**
 * A failure nobody foresaw. The system's messages name a path and a reason; those of other code may quote the text they
 * choked on, so only their place is told.
 */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "sopsmith failed for an unknown reason; please report this";
  if ("syscall" in error) return oneLine(error.message);
  const frame = error.stack?.split("\n").find((line) => line.startsWith("    at "));
  const place = frame === undefined ? undefined : /([^\s/\\(]+:\d+):\d+\)?$/.exec(frame)?.[1];
  return `sopsmith failed: unexpected ${error.name}${place === undefined ? "" : ` at ${place}`}; please report this`;
}

/** Runs the process's own command line and sets its exit status. */
export async function main(): Promise<void> {
  const streams = processStreams();
  const { realHost } = await import("../io/real-host.ts");
  const host: Host = { ...realHost(), warn: (message) => warn(streams, message) };
  process.exitCode = await run(process.argv.slice(2), host, streams);
}

function processStreams(): Streams {
  const { env, stderr } = process;
  // A closed stderr takes the message with it, not the work.
  stderr.on("error", () => {});
  return {
    readStdin: async () => (await import("../io/stdin.ts")).readStdin(),
    writeStdout: async (chunks) => (await import("../io/stdout.ts")).writeStdout(chunks),
    writeStderr: (text) => void stderr.write(text),
    askYesNo: async (question) => (await import("../io/prompt.ts")).askYesNo(question),
    color: Boolean(stderr.isTTY) && !env["NO_COLOR"] && env["TERM"] !== "dumb",
  };
}
