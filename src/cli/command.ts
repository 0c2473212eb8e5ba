import type { Chunks } from "../io/chunks.ts";
import type { Host } from "../io/host.ts";
import type { Flag } from "./flags.ts";
import type { Options } from "./options.ts";
import type { LoadedConfig } from "../config/loaded-config.ts";
import type { KeyService } from "../key-service/key-service.ts";

export type { Chunks };

/** Where a run reads and writes besides files. */
export interface Streams {
  /** All of stdin, up to its end. */
  readStdin(): Promise<Uint8Array>;
  /** Resolves when everything was handed to the system. */
  writeStdout(chunks: Chunks): Promise<void>;
  writeStderr(text: string): void;
  /**
   * Asks the user a question, on the terminal or through stdin and stdout.
   *
   * @param question with its `(y/n):`
   * @throws {SopsmithError} exit 1 when there is no answer
   */
  askYesNo(question: string): Promise<boolean>;
  /** stderr is a terminal and the user did not say no to colours. */
  readonly color: boolean;
  /** The same of stdout. */
  readonly colorStdout: boolean;
  /** Width of the terminal on stdout; undefined where it is none. */
  readonly columnsStdout?: number | undefined;
  /** stderr is a terminal on which a line can be drawn over. */
  readonly isTerminal: boolean;
}

/** What the files of one call have in common, so that it is looked up once. */
export interface Shared {
  readonly config: LoadedConfig | undefined;
  /** Unwrap each part of a data key once. */
  readonly services: readonly KeyService[];
}

/** One run of a command. */
export interface Call {
  readonly options: Options;
  /** Flags in front of the command; the same as `options` where there is no command. */
  readonly globals: Options;
  readonly operands: readonly string[];
  /** How many of the operands are in front of `--`; undefined without it. */
  readonly separator?: number | undefined;
  readonly host: Host;
  readonly streams: Streams;
  /** What the files of a call with several files have in common. */
  readonly shared?: Shared;
}

/** `sealed` and `plain` are files; `path` is a place in the file before it, as `["key"][0]`; `command` is one of ours. */
export type OperandKind =
  | "sealed"
  | "plain"
  | "file"
  | "path"
  | "command"
  | "command line"
  | "none";

export interface Command {
  /** How the operands look in the help. */
  readonly operands: string;
  readonly flags: readonly Flag[];
  /** What shells complete each operand to; the last one stands for all further ones. Default: any file. */
  readonly completes?: readonly OperandKind[];
  /** Sentences for the help; one line each. */
  readonly notes: readonly string[];
  /** Exit status for a command line that is wrong; 1 where nothing else is said. */
  readonly usageStatus?: number;
  readonly examples: readonly { readonly does: string; readonly line: string }[];
  /** @throws {SopsmithError} whose exit code becomes the process's */
  run(call: Call): Promise<void>;
}

/** What the help says of a command or a group. */
interface Listed {
  readonly name: string;
  readonly alias?: string;
  readonly summary: string;
}

export interface CommandEntry extends Listed {
  load(): Promise<Command>;
}

/** A word that is in front of commands: `groups` of `groups add`. */
export interface CommandGroup extends Listed {
  /** What runs where no command of the group is named. */
  readonly main?: CommandEntry;
  readonly commands: readonly CommandEntry[];
}

export type Entry = CommandEntry | CommandGroup;

/** A command with all the words that name it: `groups add`. */
export interface NamedCommand {
  readonly name: string;
  readonly entry: CommandEntry;
}

/** The entry of this name or alias among the commands, or among those of a group. */
export function findCommand<E extends Listed>(
  name: string | undefined,
  among: readonly E[],
): E | undefined {
  return name === undefined
    ? undefined
    : among.find((entry) => entry.name === name || entry.alias === name);
}
