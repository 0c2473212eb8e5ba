import * as flags from "./flags.ts";
import type { Flag } from "./flags.ts";
import { keyFlags } from "./key-flags.ts";

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
  flags.layout,
  flags.config,
  ...keyFlags.map(({ to }) => to),
  ...keyFlags.flatMap(({ add, remove }) => [add, remove]),
  flags.awsProfile,
  flags.encryptionContext,
  ...flags.selectors,
  flags.macOnlyEncrypted,
  flags.threshold,
  flags.showMasterKeys,
  flags.ignoreMac,
  flags.decryptionOrder,
  ...flags.keyServices,
  flags.verbose,
  flags.disableVersionCheck,
  flags.checkForUpdates,
  flags.help,
  flags.showVersion,
];

/**
 * What sops knows only in front of a command, and here may be after its name as well: a command sees these wherever they
 * are.
 */
export const reachCommands: ReadonlySet<Flag> = new Set<Flag>([
  flags.config,
  flags.indent,
  flags.macOnlyEncrypted,
  flags.verbose,
]);

/** Those flags as a command knows them. */
export const afterCommand: readonly Flag[] = [...reachCommands].map((flag) =>
  flag === flags.verbose ? flags.verboseHere : flag,
);

/** Do no harm in front of a command, or the same as after it. */
export const harmless: ReadonlySet<Flag> = new Set<Flag>([
  flags.layout,
  flags.disableVersionCheck,
  flags.checkForUpdates,
]);
