import { openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { SopsmithError } from "../errors.ts";
import { printable } from "./printable.ts";

/**
 * Waits for one line on stdin; what follows it stays for the next call.
 *
 * @returns "eof" when stdin ended first: nobody is there to answer
 */
export async function awaitEnter(): Promise<"enter" | "eof"> {
  return (await readLine()).isWhole ? "enter" : "eof";
}

/**
 * Asks a question until the answer is `y` or `n`. On a terminal the question is repeated for any other answer. Elsewhere
 * it is printed on stdout and a line of stdin is read as Go's `Scanln` does: one word, spaces around it dropped; what
 * follows the line stays for the next question.
 *
 * @param question with its `(y/n):`
 * @throws {SopsmithError} exit 1 for an empty line, several words, or no line, and when the user cancels
 * @see spec cli 5.7
 */
export async function askYesNo(question: string): Promise<boolean> {
  if (process.stdin.isTTY) return askOnTerminal(question);
  const { writeStdout } = await import("./output.ts");
  for (;;) {
    await writeStdout([question]);
    const { text, isWhole } = await readLine();
    const [word, ...more] = text.trim().split(/\s+/);
    if (word === "" || word === undefined)
      throw new Unanswered(isWhole ? "unexpected newline" : "EOF", question);
    if (more.length > 0) throw new Unanswered("expected newline", question);
    if (word === "y") return true;
    if (word === "n") return false;
  }
}

/** A line of stdin that answers no question. Exit 1. */
class Unanswered extends SopsmithError {
  constructor(problem: string, question: string) {
    super(
      "unanswered",
      1,
      `${problem}: stdin has no answer to ${JSON.stringify(question.trim())}`,
      {
        hint: "Answer with a line that is y or n, or use --yes if the command has it.",
      },
    );
  }
}

async function askOnTerminal(question: string): Promise<boolean> {
  for (let asked = question; ; asked = `Answer y or n. ${question.trim()}`) {
    const text = await onTerminal((terminal) =>
      ask(terminal, asked, visibleLine(terminal), "stays"),
    );
    const word = text?.trim();
    if (word === "y" || word === "n") return word === "y";
    if (text === undefined) throw new Unanswered("EOF", question);
  }
}

/** Whether questions can be asked on stdin, and seen. */
export function canAsk(): boolean {
  return process.stdin.isTTY && (process.stdout.isTTY || process.stderr.isTTY);
}

/**
 * Asks for one line on the terminal of stdin.
 *
 * @param proposed what Enter alone answers
 * @param problemOf what is wrong with an answer, as a sentence; undefined for a good one
 * @throws {SopsmithError} exit 1 when the user cancels
 */
export async function askText(
  question: string,
  proposed: string,
  problemOf: (text: string) => string | undefined,
): Promise<string> {
  const { input } = await import("@inquirer/prompts");
  return inquire((context) =>
    input(
      { message: question, default: proposed, validate: (text) => problemOf(text) ?? true },
      context,
    ),
  );
}

/**
 * Lets the user choose some of these things; all are chosen at first.
 *
 * @throws {SopsmithError} exit 1 when the user cancels
 */
export async function askChoices<T>(
  question: string,
  choices: readonly { readonly value: T; readonly label: string }[],
): Promise<T[]> {
  const { checkbox } = await import("@inquirer/prompts");
  const shown = choices.map(({ value, label }) => ({ value, name: label, checked: true }));
  return inquire((context) =>
    checkbox({ message: question, choices: shown, pageSize: shown.length }, context),
  );
}

async function inquire<T>(
  ask: (context: { input: NodeJS.ReadStream; output: NodeJS.WriteStream }) => Promise<T>,
): Promise<T> {
  const output = process.stdout.isTTY ? process.stdout : process.stderr;
  try {
    return await ask({ input: process.stdin, output });
  } catch (error) {
    throw canceled(error);
  } finally {
    process.stdin.pause();
  }
}

/** The user left a prompt by Ctrl+C. Exit 1. */
class UserCanceled extends SopsmithError {
  constructor(options?: { cause: unknown }) {
    super("canceled", 1, "User canceled operation", options);
  }
}

function canceled(error: unknown): unknown {
  return error instanceof Error && error.name === "ExitPromptError"
    ? new UserCanceled({ cause: error })
    : error;
}

/** One line of stdin without its end; `isWhole` unless stdin ended before the line did. */
function readLine(): Promise<{ text: string; isWhole: boolean }> {
  const { stdin } = process;
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const done = (isWhole: boolean) => {
      stdin.off("data", take);
      stdin.off("end", end);
      stdin.off("close", end);
      stdin.off("error", end);
      // A stream that goes on reading would take keys from the editor and keep the process alive. When this runs in
      // the middle of a read, the stream asks for more right after it: so pause once more when that is over.
      stdin.pause();
      setImmediate(() => {
        stdin.resume().pause();
        resolve({ text: Buffer.concat(chunks).toString(), isWhole });
      });
    };
    const take = (chunk: Buffer) => {
      const at = chunk.indexOf(0x0a);
      chunks.push(at < 0 ? chunk : chunk.subarray(0, at));
      if (at < 0) return;
      const rest = chunk.subarray(at + 1);
      done(true);
      if (rest.length > 0) stdin.unshift(rest);
    };
    const end = () => done(false);
    if (stdin.readableEnded || stdin.destroyed) {
      resolve({ text: "", isWhole: false });
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
 * the prompt afterwards. What was typed before the prompt appeared counts.
 *
 * @returns the line without its end; undefined when there is no terminal
 * @throws {SopsmithError} exit 1 when the user cancels
 */
export function promptSecret(prompt: string): Promise<string | undefined> {
  return onTerminal((terminal) => ask(terminal, prompt, new Line(() => {})));
}

/** The same for a line that may be seen. */
export function promptLine(prompt: string): Promise<string | undefined> {
  return onTerminal((terminal) => ask(terminal, prompt, visibleLine(terminal)));
}

const visibleLine = ({ output }: Terminal): Line => new Line((text) => output.write(text));

/**
 * Waits for one of some keys on the controlling terminal; others are passed over.
 *
 * @param keys the characters to wait for
 * @returns the character; undefined when there is no terminal
 * @throws {SopsmithError} exit 1 when the user cancels
 */
export function promptKey(prompt: string, keys: string): Promise<string | undefined> {
  return onTerminal((terminal) =>
    ask(terminal, prompt, {
      press: (key) => {
        if (key === CTRL_C || key === CTRL_D) throw new UserCanceled();
        return keys.includes(key) ? key : undefined;
      },
    }),
  );
}

/** Takes keys one by one, until they make an answer. */
interface Answer {
  /** @throws {UserCanceled} */
  press(key: string): string | undefined;
}

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

/** A line as it is typed, with the keys that correct it. */
class Line implements Answer {
  private readonly show: (text: string) => void;
  private typed: string[] = [];

  /** @param show is given what is to appear on the terminal */
  constructor(show: (text: string) => void) {
    this.show = show;
  }

  press(key: string): string | undefined {
    if (key === "\r" || key === "\n") return this.typed.join("");
    if (key === CTRL_C || (key === CTRL_D && this.typed.length === 0)) throw new UserCanceled();
    // Backspace; Ctrl+U takes back everything.
    if (key === "\u007f" || key === "\b") this.takeBack(1);
    else if (key === "\u0015") this.takeBack(this.typed.length);
    else if (!isControl(key)) {
      this.typed.push(key);
      this.show(key);
    }
    return undefined;
  }

  private takeBack(count: number): void {
    for (const _ of this.typed.splice(Math.max(0, this.typed.length - count))) this.show("\b \b");
  }
}

/** Arrows and the like send several characters that begin with Escape. */
function isControl(key: string): boolean {
  return key < " " || (key > "~" && key < "\u00a0");
}

/** Keys that came in with the last answer, for the next question; none where the terminal is read byte by byte. */
let ahead: string[] = [];

async function ask(
  { input, output, listen }: Terminal,
  prompt: string,
  answer: Answer,
  afterwards: "is wiped" | "stays" = "is wiped",
): Promise<string> {
  const shown = printable(prompt.trimEnd());
  // Before the prompt: who sees it may answer at once, and nothing of that is to be shown.
  input.setRawMode(true);
  output.write(`${shown} `);
  const decoder = new TextDecoder();
  const keys = new Keys();
  try {
    return await new Promise<string>((resolve, reject) => {
      const take = (pressed: string[]): boolean => {
        try {
          for (const [index, key] of pressed.entries()) {
            const result = answer.press(key);
            if (result === undefined) continue;
            ahead = pressed.slice(index + 1);
            resolve(result);
            return false;
          }
        } catch (error) {
          reject(error instanceof Error ? error : new UserCanceled());
          return false;
        }
        return true;
      };
      input.on("end", () => reject(new UserCanceled()));
      input.on("error", reject);
      if (take(ahead.splice(0)))
        listen((bytes) => take(keys.of(decoder.decode(bytes, { stream: true }))));
    });
  } finally {
    if (!input.destroyed) input.setRawMode(false);
    // Back to the start of the question, which may be several rows long, and wipe it.
    const rows = Math.floor(shown.length / (output.columns || 80));
    const wiped = `\r${rows > 0 ? `\u001b[${rows}A` : ""}\u001b[J`;
    output.write(afterwards === "stays" ? "\n" : wiped);
  }
}

/** What arrives from a terminal as characters, or the whole sequence of a key that sends several, in whatever pieces it comes. */
class Keys {
  private held = "";

  of(text: string): string[] {
    const whole = this.held + text;
    // oxlint-disable-next-line no-control-regex -- Escape is what is looked for
    this.held = /\u001b(?:\[[0-?]*[ -/]*|O)?$/.exec(whole)?.[0] ?? "";
    const complete = whole.slice(0, whole.length - this.held.length);
    // oxlint-disable-next-line no-control-regex -- as above
    return complete.match(/\u001b(?:\[[0-?]*[ -/]*[@-~]|O.)?|[^]/gu) ?? [];
  }
}

/** The prompt before this one: two at a time would take each other's keys. */
let last: Promise<unknown> = Promise.resolve();

/** Lends the terminal to one prompt; undefined when there is none. */
function onTerminal<T>(ask: (terminal: Terminal) => Promise<T>): Promise<T | undefined> {
  const turn = last.then(async () => {
    const terminal = openTerminal();
    if (terminal === undefined) return undefined;
    try {
      return await ask(terminal);
    } catch (error) {
      throw canceled(error);
    } finally {
      terminal.close();
    }
  });
  last = turn.catch(() => undefined);
  return turn;
}

interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** @param take gets what arrives, until it returns false */
  listen(take: Take): void;
  close(): void;
}

type Take = (bytes: Uint8Array) => boolean;

function openTerminal(): Terminal | undefined {
  const [from, to] =
    process.platform === "win32" ? ["\\\\.\\CONIN$", "\\\\.\\CONOUT$"] : ["/dev/tty", "/dev/tty"];
  try {
    let take: Take = () => false;
    // Byte by byte: what follows the answer is for the next program, such as the child of exec-env.
    const onread = {
      buffer: new Uint8Array(1),
      callback: (count: number, bytes: Uint8Array) => take(bytes.subarray(0, count)),
    };
    const input = new ReadStream(openSync(from, "r+"), { onread });
    const output = new WriteStream(openSync(to, "r+"));
    return {
      input,
      output,
      listen(by) {
        take = by;
        // Starts reading. With `onread` no such event comes; a runtime without that option has only these. It is about to read on, which
        // would keep the process alive until another key is pressed.
        input.on("data", (bytes: Buffer) => {
          if (by(bytes)) return;
          input.setRawMode(false);
          input.destroy();
        });
      },
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
      listen: (take) => void process.stdin.on("data", (bytes: Buffer) => void take(bytes)),
      close: () => void process.stdin.pause(),
    };
  }
}
