import { resolve } from "node:path";
import { decryptDocuments } from "../../decrypt.ts";
import { SopsmithError } from "../../errors.ts";
import { printable, printableLine } from "../../io/printable.ts";
import type { ChildCommand, OutputFilter } from "../../io/run-command.ts";
import { usualFiles } from "../../node/found-files.ts";
import { readLayer } from "../../node/layer-file.ts";
import { mergeLayers, variablesOf, type Variable } from "../../node/layers.ts";
import { redactStream } from "../../node/redact.ts";
import { pathText } from "../../tree/path.ts";
import { withShared } from "../call-cache.ts";
import { inherited } from "../child-process.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { openStores } from "../formats.ts";
import { openOrder } from "../open-order.ts";
import { exists, noFile, quoted, readSource, sourceOf } from "../source.ts";

export const run: Command = {
  operands: "[--] command [argument...]",
  completes: ["command line"],
  flags: [
    flags.layers,
    flags.only,
    flags.prefix,
    flags.separator,
    flags.keepCase,
    flags.explain,
    flags.watchFiles,
    flags.noRedact,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "Each value becomes an environment variable of the command: db.pass is DB_PASS, the second item of hosts is HOSTS_1; keys of an ENV file are used unchanged. Mappings are merged, lists are replaced, a later file wins over an earlier one, and a variable that is already set wins over every file.",
    "The command runs without a shell. Signals are passed on to it. The exit status is that of the command, or 255 if a signal ended it.",
    "Encrypted text is masked as *** in output that goes to a pipe or a file, even in base64, URL-escaped or JSON-escaped form. Output to a terminal is not masked. Values of fewer than 6 characters, numbers, booleans and unencrypted values are never masked.",
    "With --watch, the command is started again after each change, even if it has ended. It gets SIGTERM before that, and SIGKILL 5 seconds later.",
  ],
  examples: [
    {
      does: "layer files",
      line: "sopsmith run -f defaults.yaml -f production.enc.yaml -- node server.js",
    },
    { does: "use the package's own files", line: "sopsmith run -- npm start" },
    { does: "see which file wins", line: "sopsmith run -f a.yaml -f b.enc.yaml --explain" },
    {
      does: "pass only some values to a program",
      line: "sopsmith run -f secrets.enc.yaml --only 'DB_*' --prefix APP_ -- ./migrate",
    },
  ],
  async run(call) {
    const { options, host, streams } = call;
    const [program, ...words] = commandOf(call);
    const files = filesOf(call);
    const variables = await readVariables(call, files);
    if (options.on(flags.explain)) {
      await streams.writeStdout([explained(call, variables)]);
      return;
    }
    if (program === undefined)
      throw new SopsmithError("usage", 1, "error: no command to run", {
        hint: "Name it after --, such as: sopsmith run -f FILE -- npm start",
      });
    const childOf = (from: readonly Variable[]): ChildCommand => ({
      argv: [program, ...words],
      env: environmentFor(call, from),
    });
    const filterOf = (from: readonly Variable[]): OutputFilter | undefined => {
      const secrets = from.filter(({ isSecret }) => isSecret).map(({ text }) => text);
      return options.on(flags.noRedact) || secrets.length === 0
        ? undefined
        : () => redactStream(secrets);
    };
    const { runAgain, runCommand } = await import("../../io/run-command.ts");
    const command = childOf(variables);
    const filter = filterOf(variables);
    if (!options.on(flags.watchFiles)) return runCommand(command, host, filter);
    const { watchFolders } = await import("../../io/watch-folders.ts");
    const paths = files.map((file) => resolve(host.cwd(), file));
    const tell = (message: string) => streams.writeStderr(`sopsmith: ${message}\n`);
    let current = variables;
    await runAgain(command, host, {
      filter,
      tell,
      watch: (onChange) => watchFolders(paths, onChange),
      async next() {
        try {
          const fresh = await readVariables(call, files);
          if (isSame(fresh, current)) return undefined;
          current = fresh;
          return { command: childOf(fresh), filter: filterOf(fresh) };
        } catch (error) {
          if (!(error instanceof SopsmithError)) throw error;
          tell(`${error.message}; the command is not restarted`);
          return undefined;
        }
      },
    });
  },
};

/** @throws {SopsmithError} exit 1 for words in front of `--` */
function commandOf({ operands, separator = 0 }: Call): readonly string[] {
  const [stray] = operands.slice(0, separator);
  if (stray !== undefined)
    throw new SopsmithError("usage", 1, `error: ${quoted(stray)} is before --`, {
      hint: "Name files with -f: sopsmith run -f FILE -- COMMAND",
    });
  return operands;
}

/** @throws {SopsmithError} exit 100 */
function filesOf({ options, host }: Call): readonly string[] {
  const named = options.list(flags.layers);
  if (named.length > 0) return named;
  const found = usualFiles(host.cwd(), host.env);
  if (found.length > 0) return found;
  throw new SopsmithError("no-file", 100, "Error: no file specified", {
    hint: "Name files with -f, or in SOPSMITH_FILES; only .env.enc, secrets.enc.yaml and secrets.enc.json are found automatically.",
  });
}

async function readVariables(call: Call, files: readonly string[]): Promise<Variable[]> {
  const { options } = call;
  const layers = await withShared(call, (shared) =>
    Promise.all(
      files.map(async (file) => {
        const source = sourceOf(shared, file);
        if (!exists(source))
          throw noFile(`Error: cannot operate on non-existent file ${quoted(source.path)}`, file);
        const content = await readSource(shared, source);
        return readLayer(content, source.file, async (sealed, format) => {
          const { verb } = await openStores(shared, { ...source, format });
          const settings = { ...verb, input: format, order: openOrder(shared) };
          return decryptDocuments(sealed, settings, shared.host);
        });
      }),
    ),
  );
  const separator = options.text(flags.separator);
  const variables = variablesOf(mergeLayers(layers), {
    prefix: options.text(flags.prefix),
    separator: separator === "" ? undefined : separator,
    keepCase: options.on(flags.keepCase),
  });
  return chosen(variables, options.list(flags.only));
}

/** @throws {SopsmithError} exit 1 for a pattern without a match */
function chosen(variables: Variable[], patterns: readonly string[]): Variable[] {
  if (patterns.length === 0) return variables;
  const found = new Set<Variable>();
  for (const pattern of patterns) {
    const test = wildcard(pattern);
    const matching = variables.filter(({ name }) => test(name));
    if (matching.length === 0)
      throw new SopsmithError("usage", 1, `error: no variable matches --only ${quoted(pattern)}`, {
        hint: "--explain without --only lists the names.",
      });
    for (const variable of matching) found.add(variable);
  }
  return variables.filter((variable) => found.has(variable));
}

/** A pattern with `*` and `?` as a test of whole names. */
function wildcard(pattern: string): (name: string) => boolean {
  const source = pattern.replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
  const test = new RegExp(`^${source.replaceAll(/\*+/g, ".*").replaceAll("?", ".")}$`, "su");
  return (name) => test.test(name);
}

function environmentFor({ host }: Call, variables: readonly Variable[]): Record<string, string> {
  const env = inherited(host);
  for (const { name, text } of variables) env[name] ??= text;
  return env;
}

function isSame(a: readonly Variable[], b: readonly Variable[]): boolean {
  const essence = (variables: readonly Variable[]) =>
    JSON.stringify(variables.map(({ name, text }) => [name, text]));
  return essence(a) === essence(b);
}

/** One line for each variable: its name, and where its value comes from. */
function explained({ host }: Call, variables: readonly Variable[]): string {
  let width = 0;
  for (const { name } of variables) width = Math.max(width, printableLine(name).length);
  const lines = variables.map(({ name, path, layer }) => {
    const place = `${layer.file} at ${pathText(path)}`;
    const from = host.env[name] === undefined ? place : `the environment, not ${place}`;
    return `${printableLine(name).padEnd(width)}  ${printable(from)}\n`;
  });
  return lines.join("");
}
