import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  workerData,
  type MessagePort,
} from "node:worker_threads";
import { SopsmithError } from "../errors.ts";
import { realHost } from "../io/real-host.ts";
import { usualFiles } from "./found-files.ts";
import { mergeLayers, variablesOf } from "./layers.ts";
import { openLayers } from "./open-layers.ts";

/** What was put into the environment of this process, by name. */
export const ownVariables: Map<string, string> = new Map<string, string>();

/** What the thread that decrypts is given. */
interface Order {
  readonly isSopsmithConfig: true;
  readonly files: readonly string[];
  readonly ended: Int32Array;
  readonly port: MessagePort;
}

/** What it answers. */
type Answer =
  | { readonly variables: readonly (readonly [name: string, text: string])[] }
  | { readonly error: Failure };

type Failure = Pick<SopsmithError, "code" | "exitCode" | "message" | "hint" | "file" | "path">;

/** A key may be far away, or a password be asked for. */
const LONGEST_MS = 300_000;

/**
 * Puts the values of the usual files into an environment, under flat names. What is there already stays. It does so before it returns: a module that
 * waits would let those that are imported after it start without the values. So another thread decrypts, and this one waits for it.
 *
 * @param self the module that calls this at its top: the thread loads it again
 * @throws {SopsmithError} as `load`
 */
export function fillEnvironment(into: Record<string, string | undefined>, self: URL): void {
  if (isOrder(workerData)) {
    void answer(workerData);
    return;
  }
  const files = usualFiles(process.cwd(), into);
  if (files.length === 0) return;
  const result = decryptElsewhere(files, into, self);
  if ("error" in result) {
    const { code, exitCode, message, ...rest } = result.error;
    throw new SopsmithError(code, exitCode, message, rest);
  }
  for (const [name, text] of result.variables) {
    if (into[name] !== undefined) continue;
    into[name] = text;
    ownVariables.set(name, text);
  }
}

function isOrder(data: unknown): data is Order {
  return typeof data === "object" && data !== null && "isSopsmithConfig" in data;
}

function decryptElsewhere(
  files: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  self: URL,
): Answer {
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const order: Order = { isSopsmithConfig: true, files, ended, port: port2 };
  // Without what is loaded in front of the program, which may be this module.
  const { NODE_OPTIONS: _, ...rest } = env;
  const worker = new Worker(self, {
    workerData: order,
    transferList: [port2],
    execArgv: [],
    env: rest,
  });
  worker.unref();
  try {
    Atomics.wait(ended, 0, 0, LONGEST_MS);
    const received: { message: Answer } | undefined = receiveMessageOnPort(port1);
    if (received !== undefined) return received.message;
    const message = `no answer after ${LONGEST_MS / 1000} seconds (${files.join(", ")})`;
    throw new SopsmithError("time-limit", 1, `cannot decrypt: ${message}`);
  } finally {
    port1.close();
    void worker.terminate();
  }
}

async function answer({ files, ended, port }: Order): Promise<void> {
  port.postMessage(await answerOf(files));
  Atomics.store(ended, 0, 1);
  Atomics.notify(ended, 0);
}

async function answerOf(files: readonly string[]): Promise<Answer> {
  try {
    const host = realHost();
    const layers = await openLayers(files, host);
    const variables = variablesOf(mergeLayers(layers), {});
    return { variables: variables.map(({ name, text }) => [name, text] as const) };
  } catch (error) {
    const known =
      error instanceof SopsmithError
        ? error
        : new SopsmithError("system", 1, error instanceof Error ? error.message : String(error));
    const { code, exitCode, message, hint, file, path } = known;
    return { error: { code, exitCode, message, hint, file, path } };
  }
}
