import { SopsmithError } from "../../errors.ts";
import type { Host } from "../../io/host.ts";
import { systemCode, systemReason } from "../../io/system-error.ts";
import { readText } from "../../tree/typed-fields.ts";
import { Once } from "../once.ts";
import { UnwrapError, type MasterKey, type UnwrapFailure } from "../provider.ts";

/** @throws {GpgFailed} */
export async function wrap(key: MasterKey, part: Uint8Array, host: Host): Promise<string> {
  const fp = readText(key.fields, "fp");
  const trusted = fp.slice(fp.endsWith("!") ? -17 : -16);
  const result = await gpg(
    [
      "--no-default-recipient",
      "--yes",
      "--encrypt",
      "-a",
      "-r",
      fp,
      "--trusted-key",
      trusted,
      "--no-encrypt-to",
    ],
    part,
    host,
  );
  if ("problem" in result) throw new GpgFailed("encrypt", result.problem, result.cause);
  const enc = Buffer.from(result.stdout).toString("latin1").trim();
  if (result.status === 0 && enc !== "") return enc;
  throw new GpgFailed("encrypt", encryptProblem(result, fp));
}

/** @throws {UnwrapError} */
export async function unwrap(key: MasterKey, host: Host): Promise<Uint8Array> {
  const tty = host.env["GPG_TTY"] ? undefined : await host.terminalName();
  // Without GPG_TTY, pinentry in a terminal does not know where to ask.
  const env: Record<string, string> = tty === undefined ? {} : { GPG_TTY: tty };
  const result = await gpg(["-d"], Buffer.from(key.enc ?? ""), host, env);
  if ("problem" in result) throw unwrapError(result.problem, result.cause);
  if (result.status === 0 && result.stdout.length > 0) return result.stdout;
  result.stdout.fill(0);
  const error = unwrapError(decryptProblem(result, key));
  if (error.failure === "missing") error.held = await held.get(host, "", () => heldKeys(host));
  throw error;
}

const held = new Once<readonly string[]>();

/** The fingerprints of the keys whose private halves gpg has; none where it does not say. */
async function heldKeys(host: Host): Promise<string[]> {
  const result = await gpg(["--batch", "--with-colons", "--list-secret-keys"], none, host);
  if ("problem" in result) return [];
  const lines = Buffer.from(result.stdout).toString("latin1").split("\n");
  return lines.flatMap((line, index) => {
    // The fingerprint of a primary key is the record after it.
    if (!line.startsWith("sec:")) return [];
    const [, fingerprint] = /^fpr:+([0-9A-F]+):/.exec(lines[index + 1] ?? "") ?? [];
    return fingerprint === undefined ? [] : [fingerprint];
  });
}

const none = new Uint8Array(0);

/** Why gpg did not do its work, and what to do: an instruction in lower case, without a full stop. */
interface Problem {
  readonly reason: string;
  readonly remedy: string;
  readonly failure: UnwrapFailure;
}

/** A part of a data key that gpg did not wrap. Exit 1. */
class GpgFailed extends SopsmithError {
  constructor(verb: "encrypt" | "decrypt", { reason, remedy }: Problem, cause?: unknown) {
    super("gpg-failed", 1, `${failed(verb)}${reason}; ${remedy}`, { cause });
  }
}

const failed = (verb: "encrypt" | "decrypt"): string =>
  `failed to ${verb} sops data key with pgp: `;

function unwrapError({ reason, remedy, failure }: Problem, cause?: unknown): UnwrapError {
  return new UnwrapError(`${failed("decrypt")}${reason}; ${remedy}`, { failure, remedy, cause });
}

interface GpgResult {
  readonly stdout: Uint8Array;
  readonly stderr: string;
  readonly status: number | undefined;
  readonly signal: string | undefined;
}

/** Runs gpg; data goes through pipes alone. */
async function gpg(
  args: readonly string[],
  stdin: Uint8Array,
  host: Host,
  env: Readonly<Record<string, string>> = {},
): Promise<GpgResult | { problem: Problem; cause: unknown }> {
  const chosen = host.env["SOPS_GPG_EXEC"];
  const program = chosen || "gpg";
  try {
    const { stdout, stderr, status, signal } = await host.run(
      [program, ...args],
      // Reasons are told apart by their English words.
      { ...host.env, LANGUAGE: "en", ...env },
      { stdin, stderr: "capture" },
    );
    return { stdout, stderr: Buffer.from(stderr).toString(), status, signal };
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    const name = chosen ? `${program}, which SOPS_GPG_EXEC names,` : program;
    const problem: Problem = {
      reason:
        code === "ENOENT"
          ? `${name} was not found`
          : `${name} could not be started: ${systemReason(cause)}`,
      remedy: chosen
        ? "set SOPS_GPG_EXEC to the path of gpg, without arguments"
        : "install GnuPG, or name its program with SOPS_GPG_EXEC",
      failure: "unusable",
    };
    return { problem, cause };
  }
}

function encryptProblem(result: GpgResult, fp: string): Problem {
  const { stderr } = result;
  const failure = "missing";
  if (/is not a valid long keyID/.test(stderr))
    return {
      reason: `${JSON.stringify(fp)} is not a fingerprint`,
      remedy: "use all 40 digits that gpg --list-keys shows, or the last 16",
      failure,
    };
  if (/No public key|Not found|No data/.test(stderr))
    return {
      reason: "gpg has no public key with this fingerprint",
      remedy: "import it with gpg --import FILE or gpg --recv-keys",
      failure,
    };
  if (/Unusable public key/.test(stderr))
    return {
      reason:
        "gpg cannot encrypt to this key: it is expired, revoked, disabled or for signatures only",
      remedy: "check it with gpg --list-keys, and renew it or name another key",
      failure,
    };
  return commonProblem(result, "run gpg --encrypt with this key by hand to see what is wrong");
}

function decryptProblem(result: GpgResult, key: MasterKey): Problem {
  const { stderr, status } = result;
  const [, said = ""] = /public key decryption failed: (.*)/.exec(stderr) ?? [];
  const found = privateKeyProblems.find(({ words }) => words.test(said));
  if (found !== undefined) return { ...found, failure: "source" };
  if (AGENT_TROUBLE.test(stderr) || HOME_TROUBLE.test(stderr)) return commonProblem(result, "");
  if (status === 0 || DAMAGE.test(stderr))
    return {
      reason: status === 0 ? "zero bytes returned" : "the wrapped data key is damaged",
      remedy: "restore the `sops` block from version control",
      failure: "damaged",
    };
  if (/No secret key/.test(stderr))
    return {
      reason: "gpg has no private key for this fingerprint",
      remedy: `import the private key of ${key.id} with gpg --import FILE, or set GNUPGHOME to the key rings that hold it`,
      failure: "missing",
    };
  return commonProblem(result, "run gpg -d on the key's enc by hand to see what is wrong");
}

/** Why gpg-agent does not use a private key that is there, by the words of gpg-error. */
const privateKeyProblems: readonly { words: RegExp; reason: string; remedy: string }[] = [
  {
    words: /Inappropriate ioctl|Not a tty|No such device/,
    reason: "the key is locked, and gpg-agent has no terminal on which to ask for the passphrase",
    remedy:
      "set GPG_TTY=$(tty) in your shell, or have the agent remember the passphrase with gpg-preset-passphrase",
  },
  {
    words: /No pinentry/,
    reason: "the key is locked, and gpg-agent finds no pinentry program to ask for the passphrase",
    remedy: "install pinentry, or name it as pinentry-program in gpg-agent.conf",
  },
  { words: /Bad passphrase|Bad PIN/, reason: "wrong passphrase", remedy: "try again" },
  {
    words: /cancelled|canceled|Timeout/i,
    reason: "nobody answered when gpg-agent asked for the passphrase",
    remedy: "try again, or have the agent remember the passphrase with gpg-preset-passphrase",
  },
  {
    words: /Card|PIN blocked/i,
    reason: "the key is on a smart card that cannot be used",
    remedy: "insert the card and check it with gpg --card-status",
  },
];

const DAMAGE =
  /no valid OpenPGP data|CRC error|invalid packet|Wrong secret key|has been manipulated|decrypt_message failed/i;

const AGENT_TROUBLE = /can't connect to the agent|No agent running|IPC connect call failed/;
const HOME_TROUBLE = /(?:keyblock resource|can't create directory) .*/;

/** Reasons that both ways share, and those that nobody foresaw, in gpg's own words. */
function commonProblem(result: GpgResult, remedy: string): Problem {
  const { stderr, status, signal } = result;
  if (AGENT_TROUBLE.test(stderr))
    return {
      reason: "gpg cannot reach its agent",
      remedy: "start it with gpgconf --launch gpg-agent, and check GNUPGHOME",
      failure: "source",
    };
  const [trouble] = HOME_TROUBLE.exec(stderr) ?? [];
  if (trouble !== undefined)
    return {
      reason: `gpg cannot use its home directory: ${trouble}`,
      remedy: "check GNUPGHOME and its permissions",
      failure: "source",
    };
  const ended = signal === undefined ? `exit status ${status}` : `signal: ${signal}`;
  return { reason: lastLine(stderr) || ended, remedy, failure: "source" };
}

/** What gpg said last, which is the error: notes and warnings come before it. */
function lastLine(stderr: string): string {
  return (
    stderr
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^gpg: /, "")
      .slice(0, 300) ?? ""
  );
}
