import { decryptSource } from "../../decrypt.ts";
import { SopsmithError } from "../../errors.ts";
import {
  badLine,
  becomeUser,
  inherited,
  parseChildLine,
  runChild,
  warnOfBackground,
  type ChildLine,
} from "../child-process.ts";
import type { Call, Chunks, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { openOrder } from "../open-order.ts";
import { readSource, sourceOf } from "../source.ts";
import { openStores } from "../formats.ts";
import { warn } from "../warn.ts";

export const execFile: Command = {
  operands: "file [--] command",
  completes: ["sealed", "command line"],
  flags: [
    flags.noFifo,
    flags.filename,
    flags.user,
    flags.background,
    flags.inputType,
    flags.outputType,
    flags.layout,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "Each {} in the command becomes the path of the decrypted file: a FIFO, which stores nothing and can be opened only once;",
    "the next attempt fails. With --no-fifo it is a regular file that only this user can read, kept in memory where possible. Either is",
    "removed when the command ends. A single word is a shell command; two or more words after -- are a program and",
    "its arguments. The exit status is that of the command, or 255 if a signal ended it. Signals are passed on to the command.",
  ],
  examples: [
    { does: "pass a file to a program", line: "sopsmith exec-file config.json 'server -c {}'" },
    {
      does: "without a shell, for a program that reads the file several times",
      line: "sopsmith exec-file --no-fifo config.yaml -- helm upgrade -f {} shop ./chart",
    },
  ],
  async run(call) {
    const { files, command } = parseChildLine(call);
    const [file, second] = files;
    if (second !== undefined)
      throw badLine("exec-file accepts one file; exec-env can layer several.");
    warnOfBackground(call, "exec-file");
    const name = temporaryName(call);
    const source = sourceOf(call, file);
    const { verb } = await openStores(call, source);
    const order = openOrder(call);
    const sealed = await readSource(call, source);
    const chunks = await decryptSource(sealed, { ...verb, order }, call.host);
    const env = inherited(call.host);
    for (const [key, value] of Object.entries(await becomeUser(call))) env[key] = value;
    await withTemporary(call, chunks, name, (path) => runChild(call, withPath(command, path), env));
  },
};

/** @throws {SopsmithError} exit 1 for a name that is more than the name of a file in the temporary directory */
function temporaryName({ options }: Call): string {
  const name = options.text(flags.filename);
  if (name === "") return "tmp-file";
  if (/[/\\]|^\.\.?$/.test(name))
    throw new SopsmithError("usage", 1, "The provided filename is not a local path.", {
      hint: "--filename must be a plain name, such as config.yaml.",
    });
  return name;
}

async function withTemporary(
  { options, host, streams }: Call,
  chunks: Chunks,
  name: string,
  work: (path: string) => Promise<void>,
): Promise<void> {
  const isWindows = host.platform === "win32";
  if (isWindows && !options.on(flags.noFifo))
    warn(streams, "Windows has no FIFOs: using a regular file");
  if (!isWindows && !options.on(flags.noFifo)) {
    const { withSecureFifo } = await import("../../io/fifo.ts");
    return withSecureFifo(chunks, name, host, work);
  }
  const { withSecureTempFile } = await import("../../io/secure-temp.ts");
  return withSecureTempFile(chunks, name, host, work);
}

function withPath(command: ChildLine["command"], path: string): ChildLine["command"] {
  const fill = (word: string) => word.replaceAll("{}", () => path);
  if (typeof command === "string") return fill(command);
  const [program, argument, ...rest] = command;
  return [fill(program), fill(argument), ...rest.map(fill)];
}
