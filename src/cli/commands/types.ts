import { printableLine } from "../../io/printable.ts";
import { lstatSync } from "node:fs";
import { basename, resolve } from "node:path";
import { formatForPath, loadFormat } from "../../../formats/index.ts";
import { inFile, SopsmithError } from "../../errors.ts";
import { replaceFile } from "../../io/atomic-write.ts";
import { systemCode } from "../../io/system-error.ts";
import { detach } from "../../metadata/placement.ts";
import {
  ambientDeclaration,
  declarationName,
  declarationOf,
  MADE_BY_TYPES,
} from "../../node/declaration.ts";
import { ENCRYPTED_MODULE } from "../../node/encrypted-name.ts";
import { stagesAmong } from "../../node/stages.ts";
import { eitherType, typeOf, type ValueType } from "../../node/value-types.ts";
import { sealedFormat } from "../../status.ts";
import { map } from "../../tree/node.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { exists, noFile, quoted, readSource, sourceOf } from "../source.ts";
import { warn } from "../warn.ts";

/** `--check` found declarations that are missing or out of date. Exit 10. */
class TypesOutOfDate extends SopsmithError {
  constructor(files: readonly string[]) {
    super("types-out-of-date", 10, files.map((file) => `${file} is out of date`).join("\n"), {
      hint: "Run sopsmith types, and commit what it writes.",
      file: files.length === 1 ? files[0] : undefined,
    });
  }
}

export const types: Command = {
  operands: "[file...]",
  completes: ["sealed"],
  flags: [flags.oneDeclaration, flags.stages, flags.checkTypes, flags.watchTypes],
  notes: [
    'Writes a.enc.d.yaml.ts beside a.enc.yaml, so that TypeScript knows the type of `import secrets from "./a.enc.yaml"`; set allowArbitraryExtensions in tsconfig.json. No key is needed: a ciphertext says whether it holds text, a number, a boolean or a time.',
    "Without operands, it uses every file named *.enc.yaml, *.enc.json, *.enc.env, *.enc.ini or .env.enc below the working directory; in a Git repository, only those that Git does not ignore.",
    "Files whose names differ only in the name of a stage, such as dev.enc.yaml and prod.enc.yaml, share one type: keys that some of them lack are optional. Unencrypted comments become documentation.",
  ],
  examples: [
    { does: "write the types of every encrypted file here", line: "sopsmith types" },
    { does: "keep them up to date", line: "sopsmith types --watch" },
    { does: "fail in CI when they are out of date", line: "sopsmith types --check" },
    {
      does: "write a single file, for a project without allowArbitraryExtensions",
      line: "sopsmith types --output sopsmith.d.ts",
    },
  ],
  async run(call) {
    const { options } = call;
    if (options.on(flags.checkTypes)) {
      const stale = (await declarations(call)).filter(({ isCurrent }) => !isCurrent);
      if (stale.length > 0) throw new TypesOutOfDate(stale.map(({ file }) => file));
      return;
    }
    await writeAll(call);
    if (options.on(flags.watchTypes)) await writeOnChanges(call);
  },
};

interface Declaration {
  readonly file: string;
  readonly text: string;
  readonly isCurrent: boolean;
}

async function writeAll(call: Call): Promise<void> {
  const { host, streams } = call;
  const stale = (await declarations(call)).filter(({ isCurrent }) => !isCurrent);
  for (const { file, text } of stale) {
    await replaceFile(resolve(host.cwd(), file), [Buffer.from(text)], {
      warn: (message) => warn(streams, message),
    });
    await streams.writeStdout([`${printableLine(file)}\n`]);
  }
}

/** Until a signal ends it. A file that cannot be read for now is reported, and tried again at the next change. */
async function writeOnChanges(call: Call): Promise<void> {
  const { host, streams } = call;
  const { watchFolders } = await import("../../io/watch-folders.ts");
  const { Changes } = await import("../../io/changes.ts");
  const paths = (await filesOf(call)).map((file) => resolve(host.cwd(), file));
  const changes = new Changes((onChange) => watchFolders(paths, onChange));
  // What is watched does not keep the process alive.
  setInterval(() => {}, 1 << 30);
  for (;;) {
    await changes.next();
    try {
      await writeAll(call);
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
      streams.writeStderr(`${error.message}\n`);
    }
  }
}

/** @throws {SopsmithError} exit 100 where there is no file */
async function filesOf(call: Call): Promise<readonly string[]> {
  const { readWorkTree } = await import("../check-run.ts");
  const { operands } = call;
  const found: string[] = [];
  for (const operand of operands) {
    const source = sourceOf(call, operand);
    if (!exists(source))
      throw noFile(`Error: cannot operate on non-existent file ${quoted(source.path)}`, operand);
  }
  const unread: string[] = [];
  for await (const { file } of readWorkTree(call, unread))
    if (operands.includes(file) || ENCRYPTED_MODULE.test(basename(file))) found.push(file);
  for (const line of unread) warn(call.streams, `cannot read ${line}`);
  if (found.length > 0) return found;
  throw new SopsmithError("no-file", 100, "Error: no file specified", {
    hint: "Nothing here is named *.enc.yaml, *.enc.json, *.enc.env, *.enc.ini or .env.enc: name the files.",
  });
}

async function declarations(call: Call): Promise<Declaration[]> {
  const { options, host } = call;
  const files = await filesOf(call);
  const single = new Map<string, ValueType>();
  for (const file of files) single.set(file, await typeOfFile(call, file));
  const groups = options.on(flags.stages) ? [[...files]] : stagesAmong(files);
  const all = new Map<string, ValueType>();
  for (const group of groups) {
    const known = group.flatMap((file) => single.get(file) ?? []);
    const [first, ...others] = known;
    if (first === undefined) continue;
    const type = others.reduce(eitherType, first);
    for (const file of group) all.set(file, type);
  }
  const output = options.text(flags.oneDeclaration);
  const texts: [string, string][] = [];
  const isBeside = (file: string) => output === "" || file.endsWith(".json");
  const together = new Map<string, ValueType>();
  for (const [file, type] of all)
    if (isBeside(file)) texts.push([declarationName(file), declarationOf(file, type)]);
    else together.set(file, type);
  if (together.size > 0) {
    refuseSameNames([...together.keys()]);
    texts.push([output, ambientDeclaration(together)]);
  }
  return Promise.all(
    texts.map(async ([file, text]) => {
      const present = await readPresent(call, resolve(host.cwd(), file), file);
      return { file, text, isCurrent: present === text };
    }),
  );
}

async function typeOfFile(call: Call, file: string): Promise<ValueType> {
  const source = sourceOf(call, file);
  const content = await readSource(call, source);
  const format = await sealedFormat(content, formatForPath(file));
  if (format === undefined || format === "binary")
    throw new SopsmithError(
      "metadata-not-found",
      1,
      `${source.file} is not an encrypted YAML, JSON, ENV or INI file`,
      { file: source.file, hint: `Encrypt it: sopsmith encrypt -i ${source.file}` },
    );
  const { parse, placement } = await loadFormat(format);
  try {
    const documents = parse(content, { sealed: true });
    detach(documents, placement);
    return typeOf(documents[0] ?? map([]), format === "dotenv");
  } catch (error) {
    throw error instanceof SopsmithError ? inFile(error, source.file) : error;
  }
}

/** A module of one file is found by its name alone. */
function refuseSameNames(files: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const file of files) {
    const other = seen.get(basename(file));
    if (other !== undefined)
      throw new SopsmithError("usage", 1, `error: ${other} and ${file} have the same name`, {
        hint: "Leave out --output: then the types of each file go into a file beside it.",
      });
    seen.set(basename(file), file);
  }
}

/**
 * What is there already; undefined for nothing.
 *
 * @throws {SopsmithError} exit 3 for a link, and for a file that this command did not make: somebody's own
 */
async function readPresent(
  { host }: Call,
  path: string,
  file: string,
): Promise<string | undefined> {
  let text: string | undefined;
  try {
    if (lstatSync(path).isFile()) text = Buffer.from(await host.readFile(path)).toString();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
  if (text === "" || text?.startsWith(MADE_BY_TYPES) === true) return text;
  throw new SopsmithError(
    "exists",
    3,
    `${file} already exists and was not made by sopsmith types`,
    {
      file,
      hint: "Move it out of the way, or name another file with --output.",
    },
  );
}
