/** How a child process ended. */
export interface ChildResult {
  stdout: Uint8Array;
  /** Exit status; undefined when a signal ended it. */
  status: number | undefined;
  signal: string | undefined;
}

/**
 * What the program takes from its surroundings. The core gets its clock, randomness, environment, files and child
 * processes from here, so that tests can stand in for each.
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
   * @throws the system's error, with `code` such as `ENOENT`
   */
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Runs a program without a shell, found through `PATH`; its stdin is empty and its stderr is not shown.
   *
   * @param env the child's whole environment
   * @throws the system's error, with `code` such as `ENOENT`, for a program that cannot be started
   */
  run(
    argv: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<ChildResult>;
  /**
   * Asks for one line on the controlling terminal, without echo, and wipes the prompt afterwards.
   *
   * @returns the line without its end; undefined when there is no terminal
   */
  promptSecret(prompt: string): Promise<string | undefined>;
  /** One warning for the user, without a line end. */
  warn(message: string): void;
}
