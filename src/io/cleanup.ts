import { writeSync } from "node:fs";

/** Signals that ask the program to end and can be answered. */
export type StopSignal = (typeof stopSignals)[number];

/**
 * What a signal leads to. `die`: clean up, then end by that same signal, as a program without a handler does.
 * An exit code: clean up, print the message on stderr, exit with it. `continue`: nothing here.
 */
export type SignalResponse =
  | "die"
  | "continue"
  | { readonly exitCode: number; readonly message: string };

const stopSignals = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGALRM",
  "SIGXCPU",
  "SIGUSR1",
  "SIGUSR2",
] as const;

/** A promise puts the end off until it is settled. Further signals are asked about meanwhile; a rejection means `die`. */
type Responder = (signal: StopSignal) => SignalResponse | Promise<SignalResponse>;

const removals = new Set<() => void>();
const responders: Responder[] = [];
/** What let signals pass last; it still does while the handlers linger. */
let lastResponder: Responder | undefined;
let isListening = false;

/**
 * Has `remove` called when the process ends by `process.exit`, by an uncaught error or by a signal that can be caught.
 * It must be synchronous; what it throws is dropped, since nothing can be done any more.
 *
 * @returns takes `remove` off the list again, without calling it
 */
export function onProcessEnd(remove: () => void): () => void {
  removals.add(remove);
  listen();
  return () => {
    removals.delete(remove);
    listen();
  };
}

/** Lets `respond` answer signals while `work` runs. The innermost of several scopes answers. */
export async function withSignals<T>(respond: Responder, work: () => Promise<T>): Promise<T> {
  responders.push(respond);
  listen();
  try {
    return await work();
  } finally {
    responders.splice(responders.lastIndexOf(respond), 1);
    if (responders.length === 0) lastResponder = respond;
    listen();
  }
}

/** How long handlers stay after their last use. */
const LINGER_MS = 100;
let lingering: NodeJS.Timeout | undefined;

/**
 * Handlers exist only while somebody needs them: without any, signals end the program at once. They go a little later than
 * the need, since Node drops a signal that has arrived but was not delivered when its handler goes: Ctrl+C reaches a command
 * and this program at once, and the end of the command may be told here before the signal is.
 */
function listen(): void {
  const isNeeded = removals.size > 0 || responders.length > 0;
  clearTimeout(lingering);
  if (!isNeeded) {
    if (isListening) lingering = setTimeout(unlisten, LINGER_MS).unref();
    return;
  }
  if (isListening) return;
  isListening = true;
  process.on("exit", removeAll);
  for (const signal of stopSignals) process.on(signal, answer);
}

function unlisten(): void {
  isListening = false;
  lastResponder = undefined;
  process.off("exit", removeAll);
  for (const signal of stopSignals) process.off(signal, answer);
}

function answer(name: NodeJS.Signals): void {
  const signal = stopSignals.find((known) => known === name);
  if (signal === undefined) return;
  const respond = responders.at(-1);
  if (respond === undefined && lastResponder?.(signal) === "continue") return;
  // A program that uses this as a library may have its own answer; removal then waits for its exit.
  if (respond === undefined && process.listenerCount(signal) > 1) return;
  const response = respond?.(signal) ?? "die";
  if (response instanceof Promise)
    void response.then(
      (settled) => obey(signal, settled),
      () => obey(signal, "die"),
    );
  else obey(signal, response);
}

function obey(signal: StopSignal, response: SignalResponse): void {
  if (response === "continue") return;
  removeAll();
  if (response === "die") {
    unlisten();
    process.kill(process.pid, signal);
    return;
  }
  try {
    writeSync(2, `${response.message}\n`);
  } catch {
    // The terminal may be gone already; the exit code still tells.
  }
  process.exit(response.exitCode);
}

function removeAll(): void {
  for (const remove of removals) {
    try {
      remove();
    } catch {
      // One failing removal must not keep the others from running.
    }
  }
  removals.clear();
}
