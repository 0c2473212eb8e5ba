import { Command as Node, CommanderError, Option } from "commander";
import type { Host } from "../io/host.ts";
import { versionLine } from "../version.ts";
import { environmentArguments, readArguments, UsageError, type Arguments } from "./args.ts";
import { commands, findCommand, type Command, type CommandEntry, type Streams } from "./command.ts";
import * as flags from "./flags.ts";
import type { Flag } from "./flags.ts";
import { commandHelp, programHelp } from "./help.ts";
import { keyFlags } from "./key-flags.ts";
import { Options } from "./options.ts";
import { warn } from "./warn.ts";

/** Flags in front of a command, and of the form without one (spec cli 1.3, 7). */
export const globalFlags: readonly Flag[] = [
  flags.decryptMode,
  flags.encryptMode,
  flags.rotateMode,
  flags.setMode,
  flags.inPlace,
  flags.output,
  flags.noAtomic,
  flags.extract,
  flags.inputType,
  flags.outputType,
  flags.filenameOverride,
  flags.indent,
  flags.config,
  ...keyFlags.map(({ to }) => to),
  ...keyFlags.flatMap(({ add, remove }) => [add, remove]),
  flags.awsProfile,
  flags.encryptionContext,
  flags.unencryptedSuffix,
  flags.encryptedSuffix,
  flags.unencryptedRegex,
  flags.encryptedRegex,
  flags.unencryptedCommentRegex,
  flags.encryptedCommentRegex,
  flags.macOnlyEncrypted,
  flags.threshold,
  flags.showMasterKeys,
  flags.ignoreMac,
  flags.decryptionOrder,
  flags.localKeyService,
  flags.verbose,
  flags.disableVersionCheck,
  flags.help,
  flags.showVersion,
];

/** The global flags that a command sees or that do no harm in front of it. */
const reachCommands: ReadonlySet<Flag> = new Set<Flag>([
  flags.config,
  flags.indent,
  flags.macOnlyEncrypted,
  flags.verbose,
  flags.disableVersionCheck,
]);

/**
 * Reads the command line and runs what it asks for.
 *
 * @throws {SopsmithError}
 */
export async function start(argv: readonly string[], host: Host, streams: Streams): Promise<void> {
  const global = readArguments(argv, globalFlags, "global");
  const isPlain = global.unknown === undefined && !wants(global, flags.help);
  if (isPlain && wants(global, flags.showVersion)) return streams.writeStdout([`${versionLine}\n`]);
  const [word, ...rest] = global.operands;
  const entry = isPlain ? findCommand(word) : undefined;
  const words = canonical(global, globalFlags, host);
  if (entry === undefined) {
    await new Tree(host, streams).parse(words);
    return;
  }
  const command = await entry.load();
  try {
    await startCommand(entry, command, { global, rest }, host, streams);
  } catch (error) {
    if (!(error instanceof UsageError) || command.usageStatus === undefined) throw error;
    throw new UsageError(
      error.message,
      command.usageStatus,
      error.hint ?? `sopsmith help ${entry.name} shows all options.`,
    );
  }
}

async function startCommand(
  entry: CommandEntry,
  command: Command,
  { global, rest }: { global: Arguments; rest: readonly string[] },
  host: Host,
  streams: Streams,
): Promise<void> {
  const commandFlags = [...command.flags, flags.help];
  const args = readArguments(rest, commandFlags, "command");
  for (const flag of globalFlags)
    if (
      !reachCommands.has(flag) &&
      global.given.some((text) => text.startsWith(`--${flag.names[0]}=`))
    )
      warn(
        streams,
        `--${flag.names[0]} in front of "${entry.name}" has no effect; put it behind the command`,
      );
  const before = [...environmentArguments(globalFlags, host.env, global.given), ...global.given];
  await new Tree(host, streams, { entry, command }).parse([
    ...before,
    entry.name,
    ...canonical(args, commandFlags, host),
  ]);
}

function wants(args: Arguments, flag: flags.BoolFlag): boolean {
  return args.given.includes(`--${flag.names[0]}=true`);
}

/** The words that the command tree reads. An unknown flag comes before a wish for help, as in Go. */
function canonical(args: Arguments, known: readonly Flag[], host: Host): string[] {
  if (args.unknown !== undefined) return [`--${args.unknown}`];
  if (wants(args, flags.help)) return ["--help"];
  const fromEnvironment = environmentArguments(known, host.env, args.given);
  return [...fromEnvironment, ...args.given, "--", ...args.operands];
}

/** The tree of commands for one run: all names, but only the needed command's flags. */
class Tree {
  readonly #root = new Node("sopsmith");
  readonly #streams: Streams;
  #help = "";

  constructor(host: Host, streams: Streams, chosen?: { entry: CommandEntry; command: Command }) {
    this.#streams = streams;
    const root = this.#root;
    root.exitOverride().helpCommand(false).enablePositionalOptions().argument("[file...]");
    root.configureOutput({
      writeOut: (text) => (this.#help += text),
      writeErr: () => {},
      outputError: () => {},
    });
    root.configureHelp({
      formatHelp: () =>
        chosen ? commandHelp(chosen.entry, chosen.command) : programHelp(globalFlags),
    });
    const globals = new Options();
    addFlags(root, globalFlags, globals);
    root.action(async (operands: string[]) => {
      const { runLegacy } = await import("./commands/legacy.ts");
      await runLegacy({ options: globals, globals, operands, host, streams });
    });
    for (const entry of commands) {
      const node = root.command(entry.name).description(entry.summary);
      if (entry !== chosen?.entry) continue;
      const options = new Options();
      addFlags(node, chosen.command.flags, options);
      node
        .argument("[operands...]")
        .action((operands: string[]) =>
          chosen.command.run({ options, globals, operands, host, streams }),
        );
    }
  }

  async parse(words: readonly string[]): Promise<void> {
    try {
      await this.#root.parseAsync(words, { from: "user" });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode !== 0) throw usageError(error);
      await this.#streams.writeStdout([this.#help]);
    }
  }
}

function addFlags(node: Node, known: readonly Flag[], options: Options): void {
  for (const flag of known) {
    if (flag === flags.help) continue; // every node of the tree has its own
    const option = new Option(`--${flag.names[0]} <value>`, flag.about);
    node.addOption(
      option.argParser((text) => {
        options.set(flag, text);
      }),
    );
  }
}

function usageError(error: CommanderError): UsageError {
  const name = /'-*([^']*)'/.exec(error.message)?.[1] ?? "";
  return new UsageError(`flag provided but not defined: -${name}${suggestion(error.message)}`);
}

function suggestion(message: string): string {
  const nearest = /\(Did you mean ([^?]*)\?\)/.exec(message)?.[1];
  return nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
}

/** ` (did you mean decrypt?)` for a word that is nearly a command, else nothing. */
export function suggestCommand(word: string): string {
  const root = new Node().exitOverride().helpCommand(false);
  root.configureOutput({ writeErr: () => {}, outputError: () => {} });
  for (const { name } of commands) root.command(name);
  try {
    root.parse(["--", word], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return suggestion(error.message);
    throw error;
  }
  return "";
}
