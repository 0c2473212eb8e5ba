import type { AuditLog } from "../audit/audit.ts";
import { foundFile, type Host } from "../io/host.ts";
import { writeStderr, writeStdout } from "../io/output.ts";
import { environmentArguments } from "./args.ts";
import type { Streams } from "./command.ts";
import { environmentBooleans } from "./flags.ts";
import { warn } from "./warn.ts";

/**
 * Runs one command line. Nothing is thrown: what goes wrong is printed on `streams`.
 *
 * @param argv the words after the program's name
 * @returns the exit status
 */
export async function run(argv: readonly string[], host: Host, streams: Streams): Promise<number> {
  let audit: AuditLog | undefined;
  try {
    audit = await auditLog(host);
    environmentArguments(environmentBooleans, host.env);
    const [word = ""] = argv;
    if (argv.length === 1 && /^--?(?:version|v)$/.test(word)) {
      const { versionLine } = await import("../version.ts");
      await streams.writeStdout([`${versionLine}\n`]);
    } else if (word === "__complete") {
      const { answerScript } = await import("./completion/answer.ts");
      await streams.writeStdout([await answerScript(argv.slice(1))]);
    } else if (argv.at(-1) === "--generate-bash-completion") {
      const { answerSops } = await import("./completion/answer.ts");
      await streams.writeStdout([await answerSops(argv, host.env)]);
    } else {
      const { start } = await import("./program.ts");
      await start(argv, audit === undefined ? host : { ...host, audit: audit.record }, streams);
    }
    return 0;
  } catch (error) {
    const { problemOf, writeProblem } = await import("./problem.ts");
    const { asksForJson } = await import("./asks-for-json.ts");
    const problem = problemOf(error);
    writeProblem(streams, problem, await asksForJson(argv), argv);
    return problem.exitCode;
  } finally {
    await audit?.close();
  }
}

/** Nothing moves it: whoever could would not be audited. */
const AUDIT_CONFIG = "/etc/sops/audit.yaml";

async function auditLog(host: Host): Promise<AuditLog | undefined> {
  let text: Uint8Array;
  try {
    text = await host.readFile(AUDIT_CONFIG, foundFile);
  } catch {
    return undefined;
  }
  const { openAuditLog } = await import("../audit/audit.ts");
  return openAuditLog(text, AUDIT_CONFIG, host);
}

/** Runs the process's own command line and sets its exit status. */
export async function main(): Promise<void> {
  const streams = processStreams();
  const { realHost } = await import("../io/real-host.ts");
  const host: Host = { ...realHost(), warn: (message) => warn(streams, message) };
  process.exitCode = await run([...impliedCommand(), ...process.argv.slice(2)], host, streams);
}

/** Names of programs that sopsmith takes the place of, and the command that does. */
const takenNames: Readonly<Record<string, string>> = {
  // What charts of sops-secrets-operator start.
  manager: "operator",
  // What kustomize starts.
  ksops: "krm",
  SopsSecretGenerator: "krm",
};

/** The command that the program's name stands for, as a list of one or none. */
function impliedCommand(): string[] {
  for (const path of [process.execPath, process.argv[1] ?? "", process.argv0]) {
    const name = path.slice(path.search(/[^/\\]*$/));
    if (Object.hasOwn(takenNames, name)) return [takenNames[name] ?? ""];
  }
  return [];
}

function processStreams(): Streams {
  return {
    readStdin: async () => {
      if (process.stdin.isTTY)
        writeStderr(
          "Waiting for the file on stdin: type or paste it, then press Ctrl+D. Or press Ctrl+C and name a file.\n",
        );
      return (await import("../io/stdin.ts")).readStdin();
    },
    writeStdout,
    writeStderr,
    askYesNo: async (question) => (await import("../io/prompt.ts")).askYesNo(question),
    // Asked only when there is something to paint: the answer costs a stream.
    get color() {
      return isPainted(process.stderr);
    },
    get colorStdout() {
      return isPainted(process.stdout);
    },
    get columnsStdout() {
      return process.stdout.isTTY ? process.stdout.columns : undefined;
    },
    get isTerminal() {
      const { env, stderr } = process;
      return Boolean(stderr.isTTY) && env["TERM"] !== "dumb";
    },
  };
}

function isPainted({ isTTY }: NodeJS.WriteStream): boolean {
  const { env } = process;
  return Boolean(isTTY) && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}
