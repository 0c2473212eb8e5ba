import type { Host } from "../io/host.ts";
import { versionLine } from "../version.ts";
import { environmentArguments, readArguments, UsageError, type Arguments } from "./args.ts";
import {
  findCommand,
  type Command,
  type CommandGroup,
  type NamedCommand,
  type Streams,
} from "./command.ts";
import { commands } from "./commands/index.ts";
import * as flags from "./flags.ts";
import type { Flag } from "./flags.ts";
import { afterCommand, globalFlags, harmless, reachCommands } from "./global-flags.ts";
import { Options } from "./options.ts";
import { warn } from "./warn.ts";

/**
 * Reads the command line and runs what it asks for.
 *
 * @throws {SopsmithError}
 */
export async function start(argv: readonly string[], host: Host, streams: Streams): Promise<void> {
  const global = readArguments(argv, globalFlags, "global");
  const isPlain = global.unknown === undefined && !wants(global, flags.help);
  if (isPlain && wants(global, flags.showVersion))
    return streams.writeStdout([await versionText(global, host)]);
  const [word, ...rest] = global.operands;
  const entry = isPlain ? findCommand(word, commands) : undefined;
  if (entry === undefined) return startWithout(global, host, streams);
  if ("commands" in entry) return startGroup(entry, { global, rest }, host, streams);
  return startCommand({ name: entry.name, entry }, { global, rest }, host, streams);
}

/** Nothing is looked up unless asked for (spec cli 10). */
async function versionText(global: Arguments, host: Host): Promise<string> {
  if (!wants(global, flags.checkForUpdates)) return `${versionLine}\n`;
  const { checkedVersion } = await import("./check-for-updates.ts");
  return checkedVersion(host);
}

async function startWithout(global: Arguments, host: Host, streams: Streams): Promise<void> {
  await refuseUnknown(global, globalFlags);
  if (wants(global, flags.help)) {
    const { programHelp, sheetOf } = await import("./help-text.ts");
    return streams.writeStdout([programHelp(globalFlags, commands, sheetOf(streams))]);
  }
  const globals = optionsOf(global, globalFlags, host);
  const { operands } = global;
  const { runLegacy } = await import("./without-command.ts");
  const heard = await hostFor([globals], host, streams);
  await runLegacy({ options: globals, globals, operands, host: heard, streams });
}

/** What is in front of a command's name, and the words after it. */
interface CommandLine {
  readonly global: Arguments;
  readonly rest: readonly string[];
}

/** @throws {SopsmithError} exit 3 for a word that is no command of the group */
async function startGroup(
  group: CommandGroup,
  { global, rest }: CommandLine,
  host: Host,
  streams: Streams,
): Promise<void> {
  const { main } = group;
  const [first] = rest;
  const isInner = findCommand(first, group.commands) !== undefined || first === "help";
  if (main !== undefined && !isInner)
    return startCommand({ name: group.name, entry: main }, { global, rest }, host, streams);
  const args = readArguments(rest, [flags.help], "global");
  await refuseUnknown(args, [flags.help]);
  const [word, ...inner] = args.operands;
  const isHelp = wants(args, flags.help) || word === undefined;
  if (isHelp || ["help", "h"].includes(word)) {
    const { helpFor } = await import("./commands/help.ts");
    const { sheetOf } = await import("./help-text.ts");
    return streams.writeStdout([
      await helpFor([group.name, ...(isHelp ? [] : inner)], commands, sheetOf(streams)),
    ]);
  }
  const entry = findCommand(word, group.commands);
  if (entry === undefined) {
    const { noHelpTopic } = await import("./commands/help.ts");
    throw noHelpTopic(word, group.commands, `"sopsmith help ${group.name}" lists its commands.`);
  }
  const named = { name: `${group.name} ${entry.name}`, entry };
  return startCommand(named, { global, rest: inner }, host, streams);
}

/** Runs a command; its own exit status replaces that of a usage error. */
async function startCommand(
  named: NamedCommand,
  line: CommandLine,
  host: Host,
  streams: Streams,
): Promise<void> {
  const command = await named.entry.load();
  try {
    await runCommand(named, command, line, host, streams);
  } catch (error) {
    if (!(error instanceof UsageError) || command.usageStatus === undefined) throw error;
    throw new UsageError(
      error.message,
      command.usageStatus,
      error.hint ?? `sopsmith help ${named.name} shows all options.`,
    );
  }
}

async function runCommand(
  { name, entry: { summary } }: NamedCommand,
  command: Command,
  { global, rest }: CommandLine,
  host: Host,
  streams: Streams,
): Promise<void> {
  const own = [...command.flags, flags.help];
  const taken = new Set(own.flatMap(({ names }) => names));
  const further = afterCommand.filter(({ names }) => !names.some((one) => taken.has(one)));
  const commandFlags = [...own, ...further];
  // The words of a command that is run are its own.
  const leading = command.completes?.at(-1) === "command line" ? new Set(further) : undefined;
  const args = readArguments(rest, commandFlags, "command", leading);
  for (const flag of globalFlags)
    if (
      !reachCommands.has(flag) &&
      !harmless.has(flag) &&
      global.given.some((text) => text.startsWith(`--${flag.names[0]}=`))
    )
      warn(streams, `--${flag.names[0]} before "${name}" has no effect; put it after the command`);
  const reaching = args.given.filter((text) =>
    further.some(({ names }) => text.startsWith(`--${names[0]}=`)),
  );
  const globals = optionsOf(
    { ...global, given: [...global.given, ...reaching] },
    globalFlags,
    host,
  );
  // An unknown flag comes before a wish for help, as in Go.
  await refuseUnknown(args, commandFlags);
  if (wants(args, flags.help)) {
    const { commandHelp, sheetOf } = await import("./help-text.ts");
    return streams.writeStdout([commandHelp({ name, summary }, command, sheetOf(streams))]);
  }
  const options = optionsOf(args, commandFlags, host);
  const { operands, separator } = args;
  const heard = await hostFor([options, globals], host, streams);
  const call = { options, globals, operands, separator, host: heard, streams };
  try {
    await command.run(call);
  } catch (error) {
    const { withNames } = await import("./named-keys.ts");
    throw await withNames(error, call);
  }
}

/** With `--verbose`, a host that tells what is done. */
async function hostFor(given: readonly Options[], host: Host, streams: Streams): Promise<Host> {
  if (!given.some((options) => options.on(flags.verbose) || options.on(flags.verboseHere)))
    return host;
  const { verboseHost } = await import("./verbose.ts");
  return verboseHost(host, streams);
}

function wants(args: Arguments, flag: flags.BoolFlag): boolean {
  return args.given.includes(`--${flag.names[0]}=true`);
}

/** @throws {UsageError} */
async function refuseUnknown({ unknown }: Arguments, known: readonly Flag[]): Promise<void> {
  if (unknown === undefined) return;
  const { unknownFlag } = await import("./suggest.ts");
  throw unknownFlag(unknown, known);
}

/** What the environment and, before it, the command line say. */
function optionsOf(args: Arguments, known: readonly Flag[], host: Host): Options {
  const byName = new Map<string, Flag>(known.map((flag) => [flag.names[0], flag]));
  const options = new Options();
  for (const word of [...environmentArguments(known, host.env, args.given), ...args.given]) {
    const [, name = "", text = ""] = /^--([^=]*)=(.*)$/s.exec(word) ?? [];
    const flag = byName.get(name);
    if (flag !== undefined) options.set(flag, text);
  }
  return options;
}
