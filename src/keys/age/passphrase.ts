import { namedFile, type Host } from "../../io/host.ts";
import { IdentityFailure } from "./identity-failure.ts";
import { runForKey, SourceError, systemReason } from "./source.ts";

/**
 * Where the passphrases of key files come from without a person: the variable of this name holds it, that with `_FILE`
 * names a file, and that with `_CMD` holds a command whose output it is. None of them shows up in a process list.
 */
export type PassphraseVariable = "SOPS_AGE_KEY_PASSPHRASE" | "SOPS_AGE_SSH_PRIVATE_KEY_PASSPHRASE";

/**
 * The passphrase that the environment gives, without a line end. Undefined when it gives none.
 *
 * @throws {IdentityFailure} for a file or command that cannot be used
 */
export async function passphraseFromEnvironment(
  name: PassphraseVariable,
  host: Host,
): Promise<string | undefined> {
  const { [name]: value, [`${name}_FILE`]: path, [`${name}_CMD`]: command } = host.env;
  if (value !== undefined) return value;
  if (path !== undefined) return readPassphrase(path, `${name}_FILE`, host);
  if (command === undefined) return undefined;
  try {
    return firstLine(await runForKey(command, `${name}_CMD`, host.env, host));
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    throw new IdentityFailure(error.message, `fix the command in ${name}_CMD`);
  }
}

async function readPassphrase(path: string, variable: string, host: Host): Promise<string> {
  try {
    return firstLine(await host.readFile(path, namedFile));
  } catch (error) {
    // Without the path: somebody may have put the passphrase there.
    throw new IdentityFailure(
      `failed to open ${variable} file: ${systemReason(error)}`,
      `set ${variable} to the path of a readable file`,
    );
  }
}

function firstLine(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("utf8");
  const at = text.indexOf("\n");
  return (at < 0 ? text : text.slice(0, at)).replace(/\r$/, "");
}

/**
 * Asks on the terminal.
 *
 * @param subject what it opens, for messages
 * @throws {IdentityFailure} where there is no terminal
 */
export async function passphraseFromTerminal(
  prompt: string,
  subject: string,
  variable: PassphraseVariable,
  host: Host,
): Promise<string> {
  const passphrase = await host.promptSecret(prompt);
  if (passphrase !== undefined) return passphrase;
  throw new IdentityFailure(
    `could not read passphrase for ${subject}: standard input is not a terminal, and /dev/tty is not available`,
    `run in a terminal, or put the passphrase of ${subject} into ${variable} or into a file that ${variable}_FILE names`,
  );
}
