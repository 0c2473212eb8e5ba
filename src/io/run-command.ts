import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { SopsmithError } from "../errors.ts";
import { withSignals, type StopSignal } from "./cleanup.ts";
import { Changes } from "./changes.ts";
import type { Host } from "./host.ts";
import { programPath } from "./program-path.ts";
import { signalName } from "./signal-name.ts";
import { systemCode, systemReason } from "./system-error.ts";

/** A command to run beside or instead of this program. */
export interface ChildCommand {
  /** The program and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** How a shell reads a command line: `/bin/sh -c`, on Windows `cmd.exe /C`. */
export function shellCommand(line: string, host: Host): [string, ...string[]] {
  return host.platform === "win32" ? ["cmd.exe", "/C", line] : ["/bin/sh", "-c", line];
}

/** The child ended with a status other than 0, which becomes this program's own. */
class ChildFailed extends SopsmithError {
  constructor(status: number) {
    super("child-failed", status, `exit status ${status}`);
  }
}

/** A signal ended the child. Exit 255, as in sops. */
class ChildKilled extends SopsmithError {
  constructor(signal: string) {
    super("child-killed", 255, `signal: ${signalName(signal)}`);
  }
}

/**
 * Runs a command on this program's own terminal, stdin, stdout and stderr. Signals sent to this program go on to the
 * command, which decides what becomes of them.
 *
 * @throws {SopsmithError} with the command's own status; exit 255 when a signal ended it, 127 when there is no such
 *   program, 126 when it cannot be started
 */
export async function runCommand(
  command: ChildCommand,
  host: Host,
  filter?: OutputFilter,
): Promise<void> {
  const child = startAttached(command, host, filter);
  const answer = (signal: StopSignal) => {
    if (!comesFromTerminal(signal)) child.kill(signal);
    return "continue" as const;
  };
  throwUnlessWell(await withSignals(answer, () => child.ended));
}

/** Makes what the output of a command goes through, for each stream. */
export type OutputFilter = () => Transform;

/** How a command ended. */
interface End {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Attached {
  readonly ended: Promise<End>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts a command on this program's terminal. Its output goes through the filter where that is no terminal; a terminal is handed on as it is, so
 * that the command sees one.
 */
function startAttached(command: ChildCommand, host: Host, filter?: OutputFilter): Attached {
  const mode = (descriptor: 1 | 2) =>
    filter === undefined || isatty(descriptor) ? "inherit" : "pipe";
  const child = start(command, host, ["inherit", mode(1), mode(2)]);
  // To look at one of this process's own streams makes its pipe non-blocking, for the command that shares it too.
  const outputs = [
    [child.stdout, () => process.stdout],
    [child.stderr, () => process.stderr],
  ] as const;
  const passed: Promise<void>[] = [];
  for (const [from, stream] of outputs) {
    if (from === null || filter === undefined) continue;
    const to = stream();
    const through = filter();
    // The reader went away: the command is to notice it as if it wrote there itself.
    const close = () => {
      from.destroy();
      through.destroy();
    };
    to.on("error", close);
    passed.push(
      new Promise((resolve) =>
        through.once("close", () => {
          to.off("error", close).on("error", () => {});
          resolve();
        }),
      ),
    );
    from.pipe(through).pipe(to, { end: false });
  }
  let isSignalled = false;
  const ended = endOf(child, command).then(async (end) => {
    // Programs that it has started may hold its output open; after a signal nobody waits for them.
    const patience = isSignalled ? [sleep(DRAIN_MS, undefined, { ref: false })] : [];
    await Promise.race([Promise.all(passed), ...patience]);
    if (isSignalled) for (const [from] of outputs) from?.destroy();
    return end;
  });
  return {
    ended,
    kill(signal) {
      isSignalled = true;
      child.kill(signal);
    },
  };
}

/** Time for output that was written before the end. */
const DRAIN_MS = 200;

/** How a command is run again and again. */
export interface Rerun {
  readonly filter: OutputFilter | undefined;
  /** Calls back on every change, until what it returns is called. */
  watch(onChange: () => void): () => void;
  /** The command to run now; undefined where nothing has changed, or the change is no good. */
  next(): Promise<{ command: ChildCommand; filter: OutputFilter | undefined } | undefined>;
  tell(message: string): void;
}

/** How long a command may take to end after SIGTERM. */
const GRACE_MS = 5_000;

/**
 * Runs a command, and after a change ends it and starts it again: SIGTERM, and SIGKILL after 5 seconds. A command that ends by itself is started
 * again at the next change. A signal sent to this program ends it all.
 *
 * @throws {SopsmithError} as {@link runCommand}, when a signal ended the last command
 */
export async function runAgain(first: ChildCommand, host: Host, rerun: Rerun): Promise<void> {
  let child: Attached | undefined;
  let isStopping = false;
  const answer = (signal: StopSignal) => {
    if (child === undefined) return "die" as const;
    isStopping = true;
    if (!comesFromTerminal(signal)) child.kill(signal);
    return "continue" as const;
  };
  const changes = new Changes((onChange) => rerun.watch(onChange));
  // What is watched does not keep the process alive.
  const alive = setInterval(() => {}, 1 << 30);
  try {
    await withSignals(answer, async () => {
      child = startAttached(first, host, rerun.filter);
      for (;;) {
        const end = await Promise.race([changes.next(), ...(child ? [child.ended] : [])]);
        if (end !== "changed") {
          child = undefined;
          if (isStopping) throwUnlessWell(end);
          if (isStopping) return;
          rerun.tell(
            `the command ended (${described(end)}); it starts again after the next change`,
          );
          continue;
        }
        const next = await rerun.next();
        if (next === undefined || isStopping) continue;
        if (child !== undefined) await endChild(child);
        if (isStopping) return;
        rerun.tell("the files have changed: the command starts again");
        child = startAttached(next.command, host, next.filter);
      }
    });
  } finally {
    clearInterval(alive);
    changes.end();
  }
}

async function endChild(child: Attached): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  try {
    await child.ended;
  } finally {
    clearTimeout(timer);
  }
}

const described = ({ status, signal }: End): string =>
  signal === null ? `exit status ${status ?? 1}` : `signal: ${signalName(signal)}`;

function throwUnlessWell({ status, signal }: End): void {
  if (signal !== null) throw new ChildKilled(signal);
  if (status !== 0) throw new ChildFailed(status ?? 1);
}

/**
 * Starts a command without terminal, input and output, and does not wait for it.
 *
 * @throws {SopsmithError} as {@link runCommand}, when it cannot be started
 */
export async function startInBackground(command: ChildCommand, host: Host): Promise<void> {
  const child = start(command, host, "ignore");
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(cannotStart(command, error)));
  });
  child.unref();
}

/**
 * Becomes the command: same process, nothing of this program left. Where the system or this Node cannot do that, runs it
 * and ends with its status, in silence.
 *
 * @throws {SopsmithError} as {@link runCommand}
 */
export async function becomeCommand({ argv, env }: ChildCommand, host: Host): Promise<void> {
  const path = findProgram(argv[0], host);
  // Node 22 has no execve, and on Windows there is none.
  if (typeof process.execve === "function" && host.platform !== "win32")
    process.execve(path, [...argv], { ...env });
  try {
    await runCommand({ argv, env }, host);
  } catch (error) {
    if (error instanceof ChildFailed) throw new SopsmithError(error.code, error.exitCode, "");
    throw error;
  }
}

function start({ argv, env }: ChildCommand, host: Host, stdio: StdioOptions): ChildProcess {
  const [program, ...args] = argv;
  const path = findProgram(program, host);
  const options = { argv0: program, env: { ...env }, stdio, windowsHide: false };
  try {
    return spawn(path, args, options);
  } catch (error) {
    throw cannotStart({ argv }, error);
  }
}

/** @throws {SopsmithError} exit 127 */
function findProgram(program: string, host: Host): string {
  const path = programPath(program, host);
  if (path !== undefined) return path;
  throw new SopsmithError(
    "no-program",
    127,
    `exec: ${JSON.stringify(program)}: executable file not found in $PATH`,
    {
      hint: "With more than one word after --, the first is a program; to run a shell command, put it in quotes as a single word.",
    },
  );
}

/** Without the system's own text, which may quote arguments. */
function cannotStart({ argv }: Pick<ChildCommand, "argv">, error: unknown): SopsmithError {
  const isTooLong = systemCode(error) === "E2BIG";
  return new SopsmithError(
    "cannot-start",
    126,
    `exec: ${JSON.stringify(argv[0])}: ${isTooLong ? "argument list too long" : systemReason(error)}`,
    {
      hint: isTooLong
        ? "The environment is larger than the system allows: pass the file to the program with exec-file."
        : undefined,
    },
  );
}

function endOf(child: ChildProcess, command: ChildCommand): Promise<End> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(cannotStart(command, error)));
    child.once("exit", (status, signal) => resolve({ status, signal }));
  });
}

/**
 * Ctrl+C and Ctrl+\ on a terminal go to every program in its foreground: the command has the signal already, and a second
 * one would be taken for impatience by programs that shut down in an orderly way on the first.
 */
function comesFromTerminal(signal: NodeJS.Signals): boolean {
  return (signal === "SIGINT" || signal === "SIGQUIT") && isInForeground();
}

/** Is this process in the foreground group of a terminal? */
function isInForeground(): boolean {
  let stat: string;
  try {
    stat = readFileSync("/proc/self/stat", "latin1");
  } catch {
    // Not Linux: a terminal on stdin says nearly the same.
    return process.stdin.isTTY;
  }
  // proc_pid_stat(5): after the name in parentheses come state, ppid, pgrp, session, tty_nr, tpgid.
  const [, , pgrp, , , tpgid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return pgrp === tpgid;
}
