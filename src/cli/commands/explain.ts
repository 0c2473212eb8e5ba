import { jsonLine } from "../../io/printable.ts";
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { formatForPath } from "../../../formats/index.ts";
import { readSubject } from "../../check/subject.ts";
import { noPolicy } from "../../config/policy.ts";
import type { LoadedConfig } from "../../config/loaded-config.ts";
import { SopsmithError } from "../../errors.ts";
import { explainPath } from "../../explain/path.ts";
import { explainRecord, explainText, type Explanation } from "../../explain/report.ts";
import { explainRules } from "../../explain/rules.ts";
import { selectorInForce, settingsInForce } from "../../explain/settings.ts";
import { systemCode, systemReason } from "../../io/system-error.ts";
import { KeyNames, namesInConfig } from "../../people/names.ts";
import type { Documents } from "../../tree/node.ts";
import { pathText } from "../../tree/path.ts";
import { loadFormat } from "../../../formats/index.ts";
import { UsageError } from "../args.ts";
import { readConfig } from "../call-cache.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { parseGetPath } from "../paths.ts";
import { noFile } from "../source.ts";

export const explain: Command = {
  operands: "file [path]",
  completes: ["file", "path"],
  flags: [flags.json],
  notes: [
    "Explains which creation rule of .sops.yaml applies to a file, and why the others do not; which settings apply, and where",
    'each comes from. With a path such as db.password or \'["db"]["password"]\', it also says whether that value is encrypted, and because of which',
    "key, setting or comment. Needs no key; the file does not have to exist.",
  ],
  examples: [
    { does: "see which rule a new file would get", line: "sopsmith explain secrets/prod/app.yaml" },
    { does: "see why a value is not encrypted", line: "sopsmith explain app.yaml db.host" },
  ],
  async run(call) {
    const [file, word, ...more] = call.operands;
    if (file === undefined) throw noFile("Error: no file specified");
    if (more.length > 0)
      throw new UsageError("explain needs one file, and accepts one path in it", 100);
    const path = word === undefined ? undefined : parseGetPath(word);
    const { host, options, streams } = call;
    const config = await readConfig(call);
    const names = config === undefined ? KeyNames.none : await namesInConfig(config.content.text);
    const found = await look(call, file);
    const rules =
      config?.content.creationRules === undefined
        ? undefined
        : await explainRules(config.content, config.path, file, host);
    const sources = {
      config: config?.content,
      rule: rules?.inForce,
      metadata: found.metadata,
      format: found.format,
      names,
      env: host.env,
    };
    const { selector } = selectorInForce(sources);
    const explanation: Explanation = {
      file,
      exists: found.exists,
      isEncrypted: found.metadata !== undefined,
      config:
        config === undefined ? undefined : { path: config.path, ...origin(call, config, file) },
      rules,
      settings: settingsInForce(sources),
      path:
        path === undefined
          ? undefined
          : {
              text: pathText(path),
              ...(found.format.name === "binary"
                ? { isEncrypted: "yes" as const, because: "A binary file is encrypted as a whole." }
                : await explainPath(path, selector, found.documents, found.metadata !== undefined)),
            },
    };
    await streams.writeStdout(
      options.on(flags.json)
        ? [jsonLine(explainRecord(explanation))]
        : explainText(explanation).map((line) => `${line}\n`),
    );
  },
};

/** Where the configuration comes from, and whether a nearer one is passed over. */
function origin(
  call: Call,
  config: LoadedConfig,
  file: string,
): { from: string; note: string | undefined } {
  if (call.globals.text(flags.config) !== "") {
    const variable = call.host.env["SOPS_CONFIG"] === config.path ? "$SOPS_CONFIG" : "--config";
    return { from: `named by ${variable}`, note: undefined };
  }
  const cwd = call.host.cwd();
  const own = dirname(resolve(cwd, config.path));
  for (
    let folder = dirname(resolve(cwd, file));
    folder.startsWith(own) && folder !== own;
    folder = dirname(folder)
  )
    if (existsSync(join(folder, ".sops.yaml")))
      return {
        from: "found from the working directory upwards",
        note: `${relative(cwd, join(folder, ".sops.yaml"))} is nearer to the file but is not used: the search begins at the working directory. Run sopsmith there, or name that file with --config.`,
      };
  return { from: "found from the working directory upwards", note: undefined };
}

/** What is known of a file. */
async function look(call: Call, file: string) {
  const { host } = call;
  const byName = { name: formatForPath(file), from: "the file's name" };
  let content: Uint8Array;
  try {
    content = await host.readFile(resolve(host.cwd(), file));
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR")
      return { exists: false, format: byName, metadata: undefined, documents: undefined };
    if (code === undefined) throw error;
    throw new SopsmithError("unreadable", 2, `cannot read ${file}: ${systemReason(error)}`, {
      file,
    });
  }
  const known = { isConfig: false, rule: undefined, policy: noPolicy, now: host.now() };
  const { sealed, broken, format } = await readSubject({ file, content, ...known });
  if (broken !== undefined) throw broken;
  if (sealed?.metadata !== undefined) {
    const held = format === byName.name ? byName : { name: format, from: "its content" };
    const { documents, metadata } = sealed;
    return { exists: true, format: held, metadata, documents };
  }
  if (sealed?.flaw !== undefined) throw sealed.flaw;
  return {
    exists: true,
    format: byName,
    metadata: undefined,
    documents: await plain(content, byName.name),
  };
}

/** A plain file's tree; undefined for one that cannot be parsed, of which only the rule can be told. */
async function plain(
  content: Uint8Array,
  name: Parameters<typeof loadFormat>[0],
): Promise<Documents | undefined> {
  const { parse } = await loadFormat(name);
  try {
    return parse(content, { sealed: false });
  } catch (error) {
    if (error instanceof SopsmithError) return undefined;
    throw error;
  }
}
