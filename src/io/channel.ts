import { spawn as start, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { parse } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Channel } from "./host.ts";
import { requireProgram } from "./program-path.ts";

/**
 * A program of the user's with its stdin and stdout as a channel. It is looked for in `PATH`, never in the working
 * directory, and runs in the temporary directory.
 *
 * @throws the system's error, with `code` `ENOENT` for a program that is not there
 */
export async function spawn(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Channel> {
  const [name = "", ...args] = argv;
  const child = start(requireProgram(name, { env, platform: process.platform }), args, {
    // Where the temporary directory is missing, any other that is not the user's.
    cwd: existsSync(tmpdir()) ? tmpdir() : parse(process.execPath).root,
    env: { ...env },
    stdio: ["pipe", "pipe", env["AGEDEBUG"] === "plugin" ? "inherit" : "ignore"],
  });
  await once(child, "spawn");
  return channelOf(child.stdout, child.stdin, () => endProgram(child));
}

/** @throws the system's error for an address where nobody listens */
export async function connect(path: string): Promise<Channel> {
  const socket = connectSocket({ path });
  await once(socket, "connect");
  return channelOf(socket, socket, () => {
    socket.destroy();
  });
}

function channelOf(input: Readable, output: Writable, end: () => void | Promise<void>): Channel {
  // A side that ended shows at the next send or receive.
  input.on("error", () => {});
  output.on("error", () => {});
  const chunks = input[Symbol.asyncIterator]();
  return {
    send: (data) =>
      new Promise((resolve, reject) => {
        output.write(data, (error) => (error ? reject(error) : resolve()));
      }),
    async receive() {
      const { done, value } = await chunks.next();
      return done === true ? undefined : (value as Uint8Array);
    },
    async close() {
      output.end();
      await end();
    },
  };
}

/** How long a program may take to end after it was asked to. */
const GRACE = 2000;

async function endProgram(child: ChildProcess): Promise<void> {
  child.stdout?.destroy();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE);
  await exit;
  clearTimeout(timer);
}
