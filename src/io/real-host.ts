import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { ChildResult, Host, ReadLimits, RunOptions } from "./host.ts";
import { freeMemory } from "./free-memory.ts";
import { writeStderr } from "./output.ts";
import { systemCode } from "./system-error.ts";
import { startDirectory, workingDirectory } from "./working-directory.ts";

/** The process's own surroundings. */
export function realHost(): Host {
  return {
    env: process.env,
    cwd: workingDirectory,
    now: () => new Date(),
    randomBytes: (length) => randomBytes(length),
    platform: process.platform,
    readFile: readWhole,
    run,
    terminalName: async () => (await import("./terminal.ts")).terminalName(),
    fetch: async (request) => (await import("./http.ts")).send(request, process.env),
    spawn: async (argv, env) => (await import("./channel.ts")).spawn(argv, env),
    connect: async (path) => (await import("./channel.ts")).connect(path),
    freeMemory,
    accountHome,
    promptSecret: async (prompt) => (await import("./prompt.ts")).promptSecret(prompt),
    promptLine: async (prompt) => (await import("./prompt.ts")).promptLine(prompt),
    promptKey: async (prompt, keys) => (await import("./prompt.ts")).promptKey(prompt, keys),
    warn: (message) => writeStderr(`${message}\n`),
  };
}

function accountHome(): string | undefined {
  try {
    // Seldom asked for, and the module takes its time at every start.
    return process.getBuiltinModule("node:os").userInfo().homedir;
  } catch {
    return undefined;
  }
}

async function readWhole(path: string, limits?: ReadLimits): Promise<Uint8Array> {
  try {
    const content = readRegular(path, limits);
    if (content !== undefined) return content;
    // Not by import(), which the start-up chunk, run as a script, cannot do.
    const { open, readFile, stat } = process.getBuiltinModule("node:fs/promises");
    if (limits === undefined) return await readFile(path);
    if (limits.isRegular && !(await stat(path)).isDirectory()) throw unfit("ENOTREG", path);
    const file = await open(path, "r");
    try {
      return await readStart(file, path, limits.maxBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    // A socket on stdin cannot be opened by its name, only read.
    if (
      systemCode(error) === "ENXIO" &&
      /^\/dev\/(?:stdin|fd\/0)$|^\/proc\/self\/fd\/0$/.test(path)
    )
      return (await import("./stdin.ts")).readStdin();
    throw error;
  }
}

/**
 * A regular file, read at once; undefined for what may make the reader wait.
 *
 * @throws {Error} of the system, `ENOENT` for what is not there: asking for that asynchronously takes longer than a small file
 */
function readRegular(path: string, limits: ReadLimits | undefined): Uint8Array | undefined {
  if (!mayBeRegular(path)) return undefined;
  const file = openSync(path, "r");
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return undefined;
    if (limits !== undefined && stats.size > limits.maxBytes) throw unfit("EFBIG", path);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** @throws {Error} `EFBIG` as soon as there is more than `maxBytes` */
async function readStart(file: FileHandle, path: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for (let length = 0; ;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(1 << 16));
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
    if (length > maxBytes) throw unfit("EFBIG", path);
  }
}

function unfit(code: "EFBIG" | "ENOTREG", path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** True also for what is not there, which is then told by opening it. */
function mayBeRegular(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
  } catch {
    return false;
  }
}

async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  options: RunOptions = {},
): Promise<ChildResult> {
  const cwd = startDirectory(options);
  const { execa } = await import("execa");
  const { requireProgram } = await import("./program-path.ts");
  const [program = "", ...args] = argv;
  const result = await execa(requireProgram(program, { env, platform: process.platform }), args, {
    cwd,
    env: { ...env },
    extendEnv: false,
    ...(options.stdin === undefined ? { stdin: "ignore" } : { input: options.stdin }),
    stderr: options.stderr === "capture" ? "pipe" : "ignore",
    encoding: "buffer",
    stripFinalNewline: false,
    reject: false,
  });
  // Neither a status nor a signal: it did not start, or said more than a key file can hold.
  if (result.exitCode === undefined && result.signal === undefined)
    throw result.cause instanceof Error ? result.cause : new Error("the command has no result");
  const { stdout, stderr = new Uint8Array(0), exitCode, signal } = result;
  return { stdout, stderr, status: exitCode, signal };
}
