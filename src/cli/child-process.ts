import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import type { ChildCommand } from "../io/run-command.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { warn } from "./warn.ts";

/** The operands of `exec-env` and `exec-file`. */
export interface ChildLine {
  readonly files: readonly [string, ...string[]];
  /** A line for the shell, or a program with its arguments. */
  readonly command: string | readonly [string, string, ...string[]];
}

/**
 * Files and command. Without `--` two words, a file and a shell command; after `--` one word is a shell command, several
 * are a program with its arguments, and files are in front of it.
 *
 * @throws {SopsmithError} exit 1
 */
export function parseChildLine({ operands, separator }: Call): ChildLine {
  const [first, second, ...rest] = operands;
  if (separator === undefined || separator === 0 || separator === operands.length) {
    if (first === undefined || second === undefined || rest.length > 0)
      throw badLine(
        rest.length > 0 && separator === undefined
          ? "Put -- between the file and a command with several words: FILE -- COMMAND ARGUMENT…"
          : undefined,
      );
    return { files: [first], command: second };
  }
  const [file, ...files] = operands.slice(0, separator);
  const [program, ...words] = operands.slice(separator);
  if (file === undefined || program === undefined) throw badLine(undefined);
  const [argument, ...further] = words;
  return {
    files: [file, ...files],
    command: argument === undefined ? program : [program, argument, ...further],
  };
}

export function badLine(hint = "Give a file and a command: FILE 'COMMAND'."): SopsmithError {
  return new SopsmithError("usage", 1, "error: missing file to decrypt", { hint });
}

/** The user's own environment, without what is not set. */
export function inherited({ env }: Host): Record<string, string> {
  // Without a prototype, so that no name of a variable means anything.
  const variables = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(env)) if (value !== undefined) variables[name] = value;
  return variables;
}

/**
 * Runs the command in the way that the flags ask for.
 *
 * @throws {SopsmithError} with the status of the command
 */
export async function runChild(
  { options, host }: Call,
  command: ChildLine["command"],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { becomeCommand, runCommand, shellCommand, startInBackground } =
    await import("../io/run-command.ts");
  const child: ChildCommand = {
    argv: typeof command === "string" ? shellCommand(command, host) : command,
    env,
  };
  if (options.on(flags.sameProcess)) return becomeCommand(child, host);
  if (options.on(flags.background)) return startInBackground(child, host);
  return runCommand(child, host);
}

export function warnOfBackground({ options, streams }: Call, command: string): void {
  if (options.on(flags.background))
    warn(
      streams,
      `${command}'s --background option is deprecated and will be removed in a future version of sops`,
    );
}

/**
 * Switches to the user of `--user`.
 *
 * @returns the variables that go with it
 */
export async function becomeUser({ options, host }: Call): Promise<Record<string, string>> {
  const name = options.text(flags.user);
  if (name === "") return {};
  const { accountVariables, findAccount, switchTo } = await import("../io/account.ts");
  const account = await findAccount(name, host);
  switchTo(account);
  return accountVariables(account);
}
