import { openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { SopsmithError } from "../errors.ts";

/**
 * Waits for one line on stdin; what follows it stays for the next call.
 *
 * @returns "eof" when stdin ended first: nobody is there to answer
 */
export function awaitEnter(): Promise<"enter" | "eof"> {
  const { stdin } = process;
  return new Promise((resolve) => {
    const done = (answer: "enter" | "eof") => {
      stdin.off("data", take);
      stdin.off("end", end);
      stdin.off("close", end);
      stdin.off("error", end);
      // A stream that goes on reading would take keys from the editor and keep the process alive. When this runs in
      // the middle of a read, the stream asks for more right after it: so pause once more when that is over.
      stdin.pause();
      setImmediate(() => {
        stdin.resume().pause();
        resolve(answer);
      });
    };
    const take = (chunk: Buffer) => {
      const at = chunk.indexOf(0x0a);
      if (at < 0) return;
      const rest = chunk.subarray(at + 1);
      done("enter");
      if (rest.length > 0) stdin.unshift(rest);
    };
    const end = () => done("eof");
    if (stdin.readableEnded || stdin.destroyed) {
      resolve("eof");
      return;
    }
    stdin.on("data", take);
    stdin.on("end", end);
    stdin.on("close", end);
    stdin.on("error", end);
    stdin.resume();
  });
}

/**
 * Asks for one line on the controlling terminal, whatever stdin and stdout are, without showing what is typed; wipes
 * the prompt afterwards.
 *
 * @returns the line without its end; undefined when there is no terminal
 * @throws {SopsmithError} exit 1 when the user cancels
 */
export async function promptSecret(prompt: string): Promise<string | undefined> {
  const terminal = openTerminal();
  if (terminal === undefined) return undefined;
  const { password } = await import("@inquirer/prompts");
  try {
    return await password(
      // As the prefix, which stands at the start of the line; a message is set off by a blank.
      {
        message: "",
        toggleMask: false,
        theme: { prefix: prompt.trimEnd(), style: { maskedText: "" } },
      },
      { input: terminal.input, output: terminal.output, clearPromptOnDone: true },
    );
  } catch (error) {
    if (error instanceof Error && error.name === "ExitPromptError")
      throw new SopsmithError("canceled", 1, "User canceled operation", { cause: error });
    throw error;
  } finally {
    terminal.close();
  }
}

interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  close(): void;
}

function openTerminal(): Terminal | undefined {
  const [from, to] =
    process.platform === "win32" ? ["\\\\.\\CONIN$", "\\\\.\\CONOUT$"] : ["/dev/tty", "/dev/tty"];
  try {
    const input = new ReadStream(openSync(from, "r+"));
    const output = new WriteStream(openSync(to, "r+"));
    return {
      input,
      output,
      close: () => {
        input.destroy();
        output.destroy();
      },
    };
  } catch {
    if (!process.stdin.isTTY) return undefined;
    return {
      input: process.stdin,
      output: process.stderr,
      close: () => void process.stdin.pause(),
    };
  }
}
