/** What is audited. */
export type AuditAction = "encrypt" | "decrypt" | "rotate";

/** Bytes both ways, to a program's stdin and stdout or over a socket. */
export interface Channel {
  /** @throws the system's error when the other side has gone */
  send(data: string | Uint8Array): Promise<void>;
  /** What the other side sent since; undefined at its end. */
  receive(): Promise<Uint8Array | undefined>;
  /** Ends both directions. A program that still runs is interrupted, and after two seconds killed. */
  close(): Promise<void>;
}

/** What a file that is read on the way may be: one that is not what it ought to be must neither hang nor fill the memory. */
export interface ReadLimits {
  readonly maxBytes: number;
  /** FIFOs and devices are refused. */
  readonly isRegular: boolean;
}

const MAX_BYTES = 1 << 24;

/** For a file that was found, or that a file names. */
export const foundFile: ReadLimits = { maxBytes: MAX_BYTES, isRegular: true };

/** For a file that the user named: it may be a process substitution of the shell. */
export const namedFile: ReadLimits = { maxBytes: MAX_BYTES, isRegular: false };

/** How a child process ended. */
export interface ChildResult {
  stdout: Uint8Array;
  /** Empty unless it was asked for. */
  stderr: Uint8Array;
  /** Exit status; undefined when a signal ended it. */
  status: number | undefined;
  signal: string | undefined;
}

/** One HTTP request; redirects are not followed. */
export interface HttpRequest {
  readonly method: string;
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** Ends the request with its reason. */
  readonly signal: AbortSignal;
  /** Instead of the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name; `none` for no proxy at all. */
  readonly proxy?: "none" | { readonly url: string } | undefined;
  readonly tls?: TlsSettings | undefined;
}

export interface TlsSettings {
  /** PEM: the only certificates to trust. */
  readonly ca?: readonly (string | Uint8Array)[] | undefined;
  /** PEM: what this side shows. */
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
  readonly serverName?: string | undefined;
  /** Any certificate will do. */
  readonly isUnverified?: boolean | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** How a program is run. */
export interface RunOptions {
  /** What it reads; nothing by default. */
  readonly stdin?: Uint8Array;
  /** `capture` to have it in the result, for programs that leave no others behind. */
  readonly stderr?: "capture";
  /** It reads the working directory: it is not started elsewhere. */
  readonly isInWorkingDirectory?: boolean;
}

/**
 * What the program takes from its surroundings. The core gets its clock, randomness, environment, files and child
 * processes from here, so that tests can replace each.
 */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Working directory; `$PWD` where it names the same directory (spec config section 3). */
  cwd(): string;
  now(): Date;
  /** Cryptographically secure bytes. */
  randomBytes(length: number): Uint8Array;
  platform: NodeJS.Platform;
  /**
   * The whole content of a file, FIFO or device; a relative path counts from the working directory.
   *
   * @throws the system's error, with `code` such as `ENOENT`; `EFBIG` and `ENOTREG` for what is beyond the limits
   */
  readFile(path: string, limits?: ReadLimits): Promise<Uint8Array>;
  /**
   * Runs a program without a shell, found through `PATH`. Its stderr is not shown.
   *
   * @param env the child's whole environment
   * @throws the system's error, with `code` such as `ENOENT`, for a program that cannot be started
   * @throws {SopsmithError} exit 1 when the program needs the working directory and this user cannot enter it
   */
  run(
    argv: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    options?: RunOptions,
  ): Promise<ChildResult>;
  /** age identities that the caller holds, as text: `name` is what messages call them. No child process gets them. */
  readonly identities?: readonly { readonly name: string; readonly text: string }[] | undefined;
  /** The name of the terminal that this program talks to, such as `/dev/pts/3`; undefined where there is none. */
  terminalName(): Promise<string | undefined>;
  /**
   * Starts a program to talk to, in the temporary directory. It is found through `PATH`, never in the working directory;
   * its stderr is shown when `AGEDEBUG` is `plugin`.
   *
   * @param env the child's whole environment
   * @throws the system's error, with `code` such as `ENOENT`
   */
  spawn(
    argv: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<Channel>;
  /**
   * Connects to a Unix domain socket.
   *
   * @throws the system's error, with `code` such as `ECONNREFUSED`
   */
  connect(path: string): Promise<Channel>;
  /**
   * Collects garbage now. Called between the phases of work on a very large document, each of which leaves much. Undefined where the engine
   * does better by itself.
   */
  readonly freeMemory?: (() => void) | undefined;
  /** The home directory in the user database, whatever `$HOME` is; undefined for a user without an entry there. */
  accountHome(): string | undefined;
  /**
   * @throws the system's error, with `code` such as `ECONNREFUSED`, or the signal's reason
   */
  fetch(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Asks for one line on the controlling terminal, without echo, and wipes the prompt afterwards.
   *
   * @returns the line without its end; undefined when there is no terminal
   */
  promptSecret(prompt: string): Promise<string | undefined>;
  /** The same with echo. */
  promptLine(prompt: string): Promise<string | undefined>;
  /**
   * Waits for one of some keys on the controlling terminal.
   *
   * @param keys the characters to wait for
   * @returns the character; undefined when there is no terminal
   */
  promptKey(prompt: string, keys: string): Promise<string | undefined>;
  /** One warning for the user, without a line end. */
  warn(message: string): void;
  /**
   * Takes note of a step that is done, for who asked for details; undefined where nobody did.
   *
   * @param topic the part of the program, such as `AGE`
   * @param fields what it was done with, by name; never a secret
   */
  readonly inform?:
    | ((topic: string, message: string, fields?: Readonly<Record<string, string>>) => void)
    | undefined;
  /**
   * Writes down that a file is about to be worked on; undefined where nothing is audited (spec cli section 9).
   *
   * @param file absolute path
   * @throws {SopsmithError} when it cannot be written down: then the work must not be done
   */
  readonly audit?: ((action: AuditAction, file: string) => Promise<void>) | undefined;
}
