import { stat } from "node:fs/promises";
import { basename, extname, relative } from "node:path";
import { selectDestination } from "../../config/destination.ts";
import { ConfigError, SopsmithError } from "../../errors.ts";
import { systemReason } from "../../io/system-error.ts";
import { destinations } from "../../publish/index.ts";
import type { Destination, Outcome } from "../../publish/destination.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { differenceText } from "../key-difference.ts";
import { namesInForce } from "../named-keys.ts";
import { runFiles, type SeveralFiles } from "../many.ts";
import { openOrder } from "../open-order.ts";
import { expandOperands, isPattern, type OperandFile } from "../operands.ts";
import { readConfig } from "../call-cache.ts";
import { noFile, readSource, sourceOf } from "../source.ts";
import { openStores } from "../formats.ts";
import { jsonLine, printableLine } from "../../io/printable.ts";
import { info, warn } from "../warn.ts";

export const publish: Command = {
  operands: "file...",
  completes: ["sealed"],
  flags: [
    flags.yes,
    flags.omitExtensions,
    flags.recursive,
    flags.allOrNothing,
    flags.json,
    flags.verboseHere,
    flags.decryptionOrder,
    flags.layout,
    ...flags.keyServices,
  ],
  notes: [
    "The first of the destination_rules in .sops.yaml whose path_regex matches the path as you typed it says where a file goes:",
    "encrypted to S3 or Google Cloud Storage, for other keys if the rule has a recreation_rule; unencrypted to Vault.",
    "With --json, prints a line {file, destination, status} for each file, where status is uploaded or unchanged.",
  ],
  examples: [
    { does: "publish a file after confirmation", line: "sopsmith publish secrets/app.yaml" },
    {
      does: "publish all encrypted files in a directory, without confirmation",
      line: "sopsmith publish --recursive --yes secrets",
    },
  ],
  async run(call) {
    const { options, operands } = call;
    const config = await readConfig(call);
    if (config === undefined)
      throw new ConfigError("config file not found", {
        hint: "Write a .sops.yaml with destination_rules, or name one with --config.",
      });
    if (operands.length === 0) throw noFile("Error: no file specified");
    if (options.on(flags.json) && !options.on(flags.yes))
      throw new UsageError("--json cannot ask questions: use it with --yes");
    openOrder(call);
    const [first = ""] = operands;
    const isSingle =
      operands.length === 1 && !options.on(flags.recursive) && !(await isPattern(first));
    if (!isSingle) {
      const { several, names } = await filesOf(call);
      await runFiles(
        call,
        several,
        { done: "published", isQuiet: true, ...(options.on(flags.yes) ? {} : { parallel: 1 }) },
        async (one, file) => {
          const ready = await prepare(one, file, names.get(file) ?? basename(file.file));
          if (ready === undefined) return "left alone";
          return { file: file.file, commit: ready };
        },
      );
      return;
    }
    await refuseDirectory(first);
    const upload = await prepare(call, { file: first, format: undefined }, basename(first));
    if (upload === undefined)
      throw new SopsmithError(
        "canceled",
        1,
        `Publication of ${sourceOf(call, first).path} canceled`,
        { file: first },
      );
    await upload();
  },
};

/** @throws {SopsmithError} exit 1 */
async function refuseDirectory(operand: string): Promise<void> {
  let isDirectory: boolean;
  try {
    isDirectory = (await stat(operand)).isDirectory();
  } catch (error) {
    throw new SopsmithError("unreadable", 1, `${printableLine(operand)}: ${systemReason(error)}`, {
      file: operand,
      cause: error,
    });
  }
  if (isDirectory)
    throw new SopsmithError(
      "is-directory",
      1,
      `can't operate on a directory without --recursive flag. (${printableLine(operand)})`,
      { file: operand },
    );
}

/** The files of all operands, and what each is called where it goes: its path below the directory that was named. */
async function filesOf(
  call: Call,
): Promise<{ several: SeveralFiles; names: ReadonlyMap<OperandFile, string> }> {
  const { options, host, operands, streams } = call;
  const names = new Map<OperandFile, string>();
  const files: OperandFile[] = [];
  const failures: SeveralFiles["failures"][number][] = [];
  for (const operand of operands) {
    const expanded = await expandOperands([operand], {
      cwd: host.cwd(),
      recursive: options.on(flags.recursive),
      wanted: "encrypted",
      except: undefined,
      once: true,
      warn: (message) => warn(streams, message),
    });
    for (const one of expanded.failures) failures.push(one);
    for (const file of expanded.files) {
      files.push(file);
      const below = relative(operand, file.file);
      names.set(file, file.isFound && !below.startsWith("..") ? below : basename(file.file));
    }
  }
  return { several: { files, failures, targetOf: () => undefined }, names };
}

/**
 * Does all but the upload, and asks the user about it.
 *
 * @returns what uploads the file; undefined when the user does not want it
 */
async function prepare(
  call: Call,
  { file, format }: Pick<OperandFile, "file" | "format">,
  plainName: string,
): Promise<(() => Promise<void>) | undefined> {
  const { options, globals, host, streams } = call;
  await refuseDirectory(file);
  const source = sourceOf(call, file, format);
  const stores = await openStores(call, source);
  if (stores.config === undefined) throw new ConfigError("config file not found");
  const rule = await selectDestination(stores.config.content, file, host);
  const isShort = options.on(flags.omitExtensions) || rule.source.omitExtensions;
  const name = isShort ? withoutExtension(plainName) : plainName;
  const destination = await load(rule.field);
  const target = destination.locate(rule.source, name, host);
  const bytes = await readSource(call, source);
  const verb = { ...stores.verb, order: openOrder(call) };
  const { compareKeys, decryptToJson, isRecreated, recreate } =
    await import("../../publish/content.ts");
  const difference = await compareKeys(bytes, verb, rule.recreation);
  let upload: () => Promise<Outcome>;
  if (destination.takes === "data") {
    const json = await decryptToJson(bytes, verb, host);
    upload = () => destination.upload(json, rule.source, name, host);
  } else {
    const content = isRecreated(rule.recreation)
      ? await recreate(bytes, verb, rule.recreation, host)
      : bytes;
    upload = () => destination.upload(content, rule.source, name, host);
    if (difference !== undefined && !options.on(flags.json))
      await streams.writeStdout([
        differenceText(
          "The following changes will be made to the file's key groups:",
          difference,
          streams,
          await namesInForce(call),
        ),
      ]);
  }
  const report = async (status: Outcome): Promise<void> => {
    if (options.on(flags.json))
      await streams.writeStdout([jsonLine({ file, destination: target, status })]);
    else if (options.on(flags.verboseHere) || globals.on(flags.verbose))
      info(streams, `${file}: ${status === "uploaded" ? "uploaded to" : "already in"} ${target}`);
  };
  if (!options.on(flags.yes)) {
    const question = `uploading ${printableLine(source.path)} to ${printableLine(target)} ? (y/n): `;
    if (!(await streams.askYesNo(question))) {
      if (isOneOfSeveral(call))
        await streams.writeStdout([`Publication of ${printableLine(source.path)} canceled\n`]);
      return undefined;
    }
  }
  return async () => report(await upload());
}

const isOneOfSeveral = ({ shared }: Call): boolean => shared !== undefined;

/** Takes the last extension off, unless nothing else is there. */
function withoutExtension(name: string): string {
  const extension = extname(name);
  return extension === "" ? name : name.slice(0, -extension.length);
}

function load(field: Destination["field"]): Promise<Destination> {
  const entry = destinations.find((known) => known.field === field);
  if (entry === undefined) throw new Error(`no destination for ${field}`);
  return entry.load();
}
