import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { SopsmithError } from "../../errors.ts";
import { systemCode, systemReason } from "../../io/system-error.ts";
import {
  convert,
  type Converted,
  type ConvertOptions,
  type Input,
} from "../../terraform/convert.ts";
import { ConversionError } from "../../k8s/conversion-error.ts";
import { reverse } from "../../terraform/reverse.ts";
import { VERSION } from "../../version.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import type { BoolFlag, ListFlag, TextFlag } from "../flags.ts";
import type { Options } from "../options.ts";
import { printable } from "../../io/printable.ts";

const bool = (about: string, ...names: [string, ...string[]]): BoolFlag => ({
  kind: "bool",
  names,
  about,
});
const text = (about: string, value: string, ...names: [string, ...string[]]): TextFlag => ({
  kind: "text",
  names,
  about,
  value,
});
const list = (about: string, value: string, ...names: [string, ...string[]]): ListFlag => ({
  kind: "list",
  names,
  about,
  value,
});

const file = list("read this file or directory; - for stdin, the default", "path", "file", "f");
const recursive = bool("include the subdirectories of a directory", "recursive", "R");
const output = text(
  "write to this file; with a / at the end, write one .tf per resource to this directory",
  "path",
  "output",
  "o",
);
const check = bool("write nothing; exit 1 when the output file is out of date", "check");
const provider = text("put provider = TEXT into each resource", "text", "provider", "p");
const strip = bool("drop what the API server adds, such as uid and status", "strip", "s");
const keepNamespace = bool("with --strip, keep the namespace default", "keep-namespace");
const namespace = text("namespace for manifests that have none", "name", "namespace");
const mapOnly = bool("print only the maps, no resources", "map-only", "M");
const bareKeys = bool("leave out the quotes of keys where HCL allows it", "strip-key-quotes", "Q");
const importBlocks = bool("print an import block before each resource", "import");
const noNulls = bool("drop keys whose value is null", "prune-nulls");
const noEmpty = bool("drop empty lists, and empty maps in metadata", "prune-empty");
const as = text("manifest (default), kubectl or secret", "type", "as");
const secrets = text(
  "how Terraform reads Secrets that sops encrypted: data or ephemeral",
  "mode",
  "secrets",
);
const failOnPlaintext = bool("exit 1 when a Secret is unencrypted", "fail-on-plaintext");
const lossyUnicode = bool(
  "change text that Terraform would change, with a warning",
  "lossy-unicode",
);
const multiline = text(
  "quoted (default) or join: how to write text that no heredoc can hold",
  "how",
  "multiline",
);
const computedFields = list(
  "fields that the API server may change, separated by commas",
  "list",
  "computed-fields",
);
const fieldManager = text("name of the field manager", "name", "field-manager");
const forceConflicts = bool("take over fields that other managers own", "force-conflicts");
const wait = list("rollout, fields.PATH=TEXT or condition=TYPE", "what", "wait");
const timeouts = list("create, update or delete =TIME, separated by commas", "list", "timeouts");
const backwards = bool("turn Terraform into Kubernetes YAML", "reverse");
const showVersion = bool("print the version of sopsmith", "version", "V");

/** Kubernetes YAML → Terraform, with tfk8s's flags, and back (spec terraform). */
export const terraform: Command = {
  operands: "[file or directory …]",
  usageStatus: 2,
  flags: [
    file,
    recursive,
    output,
    check,
    provider,
    strip,
    keepNamespace,
    namespace,
    mapOnly,
    bareKeys,
    importBlocks,
    noNulls,
    noEmpty,
    as,
    secrets,
    failOnPlaintext,
    lossyUnicode,
    multiline,
    computedFields,
    fieldManager,
    forceConflicts,
    wait,
    timeouts,
    backwards,
    showVersion,
  ],
  notes: [
    "Turns Kubernetes manifests into kubernetes_manifest resources that Terraform reads back exactly. An encrypted",
    "SopsSecret stays encrypted: no key is needed, and no secret reaches the .tf file or Terraform's state.",
  ],
  examples: [
    {
      does: "convert an encrypted SopsSecret",
      line: "sopsmith terraform --strip -f secret.enc.yaml -o secret.tf",
    },
    {
      does: "convert the output of kubectl",
      line: "kubectl get cm x -o yaml | sopsmith terraform -s",
    },
    {
      does: "write one .tf for each resource in a directory, with import blocks",
      line: "sopsmith terraform --import -R -o tf/ manifests",
    },
    { does: "convert back to YAML", line: "sopsmith terraform --reverse -f secret.tf" },
  ],
  async run(call) {
    const { options, streams } = call;
    if (options.on(showVersion)) return streams.writeStdout([`sopsmith ${VERSION}\n`]);
    const settings = settingsOf(options);
    const target = options.text(output);
    if (options.on(check) && (target === "" || target === "-"))
      throw new UsageError("--check compares the output with a file: name it with -o FILE");
    const note = (message: string) => streams.writeStderr(`${printable(message)}\n`);
    const inputs = await readInputs(call, options.on(backwards), target);
    if (options.on(backwards)) {
      const documents = inputs.map((input) => reverse(decode(input), input.file));
      const all = documents.filter((document) => document !== "").join("---\n");
      return deliver(call, target, [{ label: "", text: all }], "");
    }
    return deliver(call, target, convert(inputs, settings, note), "\n");
  },
};

function settingsOf(options: Options): ConvertOptions {
  const waits = options.list(wait);
  for (const one of waits)
    if (!/^(?:rollout|fields\.[^=]+=.*|condition=.+)$/s.test(one))
      throw new UsageError("--wait must be rollout, fields.PATH=TEXT or condition=TYPE");
  if (new Set(waits.map((one) => /^[a-z]+/.exec(one)?.[0])).size > 1)
    throw new UsageError("--wait accepts only one kind of waiter: rollout, fields or condition");
  const times = commaParts(options.list(timeouts));
  for (const one of times)
    if (!/^(?:create|update|delete)=[\w.]+$/.test(one))
      throw new UsageError(
        "--timeouts must be create=TIME, update=TIME or delete=TIME, such as create=10m",
      );
  const kind = choice(options.text(as), ["manifest", "kubectl", "secret"], "--as");
  const mode = choice(options.text(secrets), ["keep", "data", "ephemeral"], "--secrets");
  const fields = commaParts(options.list(computedFields));
  const isPlain =
    waits.length + times.length + fields.length === 0 &&
    options.text(fieldManager) === "" &&
    !options.on(forceConflicts);
  if (kind !== "manifest" && !isPlain)
    throw new UsageError(
      "--wait, --timeouts, --computed-fields, --field-manager and --force-conflicts need --as manifest",
    );
  return {
    mapOnly: options.on(mapOnly),
    bareKeys: options.on(bareKeys),
    provider: options.text(provider),
    strip: options.on(strip),
    keepNamespace: options.on(keepNamespace),
    namespace: options.text(namespace),
    pruneNulls: options.on(noNulls),
    pruneEmpty: options.on(noEmpty),
    import: options.on(importBlocks),
    as: kind,
    secrets: mode,
    multiline: choice(options.text(multiline), ["quoted", "join"], "--multiline"),
    lossyUnicode: options.on(lossyUnicode),
    failOnPlaintext: options.on(failOnPlaintext),
    arguments: {
      computedFields: fields,
      fieldManager: options.text(fieldManager),
      forceConflicts: options.on(forceConflicts),
      wait: waits,
      timeouts: times,
    },
  };
}

const commaParts = (values: readonly string[]): string[] =>
  values.flatMap((value) => value.split(",").map((part) => part.trim())).filter(Boolean);

/** @param names the first is the default */
function choice<const Name extends string>(
  given: string,
  names: readonly [Name, ...Name[]],
  flag: string,
): Name {
  const found = given === "" ? names[0] : names.find((name) => name === given);
  if (found === undefined) throw new UsageError(`${flag} must be one of ${names.join(", ")}`);
  return found;
}

// Input.

async function readInputs(call: Call, isTerraform: boolean, target: string): Promise<Input[]> {
  const named = [...call.options.list(file), ...call.operands];
  const inputs: Input[] = [];
  for (const path of named.length === 0 ? ["-"] : named) {
    if (path === "-") {
      inputs.push({
        file: "stdin",
        sourceFile: undefined,
        content: await call.streams.readStdin(),
      });
      continue;
    }
    const isRecursive = call.options.on(recursive);
    for (const found of await filesOf(path, isRecursive, isTerraform ? TF_NAMES : YAML_NAMES)) {
      const content = await readFile(found).catch((error: unknown) => {
        throw cannotRead(found, error);
      });
      inputs.push({ file: found, sourceFile: sourceName(found, target), content });
    }
  }
  return inputs;
}

const YAML_NAMES = /\.(?:ya?ml|json)$/;
const TF_NAMES = /\.tf$/;

async function filesOf(path: string, isRecursive: boolean, names: RegExp): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { withFileTypes: true });
    const found: string[] = [];
    for (const { name } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const child = join(path, name);
      const isDirectory = entries.find((entry) => entry.name === name)?.isDirectory() === true;
      if (isDirectory && isRecursive)
        for (const one of await filesOf(child, true, names)) found.push(one);
      else if (!isDirectory && names.test(name)) found.push(child);
    }
    return found;
  } catch (error) {
    throw cannotRead(path, error);
  }
}

function cannotRead(path: string, error: unknown): unknown {
  if (error instanceof SopsmithError) return error;
  const code = systemCode(error);
  if (code === undefined) return error;
  const why = code === "ENOENT" ? "no such file" : systemReason(error);
  return new ConversionError(`cannot read ${path}: ${why}`, undefined, error);
}

/** The encrypted file as the `.tf` names it: seen from where the `.tf` is. */
function sourceName(path: string, target: string): string {
  if (isAbsolute(path)) return path;
  const folder =
    target === "" || target === "-" ? "." : target.endsWith("/") ? target : dirname(target);
  return relative(resolve(folder), resolve(path)).split(sep).join("/");
}

function decode({ content, file: name }: Input): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (cause) {
    throw new ConversionError("not UTF-8 text", { file: name }, cause);
  }
}

// Output.

/** @param between what is between two resources in one file */
async function deliver(
  call: Call,
  target: string,
  converted: readonly Converted[],
  between: string,
): Promise<void> {
  const whole = converted.map((one) => one.text).join(between);
  if (target === "" || target === "-") return call.streams.writeStdout([whole]);
  if (!target.endsWith("/")) return put(call, target, whole);
  if (converted.some(({ label }) => label === ""))
    throw new UsageError(
      `-o ${target} needs resources: leave out --map-only and --reverse, or name a file`,
    );
  if (!call.options.on(check)) {
    const { makeFolder } = await import("../../io/make-folder.ts");
    await makeFolder(target);
  }
  for (const one of converted) await put(call, join(target, `${one.label}.tf`), one.text);
}

async function put(call: Call, path: string, content: string): Promise<void> {
  if (!call.options.on(check)) {
    const { replaceFile } = await import("../../io/atomic-write.ts");
    return replaceFile(path, [content], { purpose: "output" });
  }
  const old = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw cannotRead(path, error);
  });
  if (old !== content)
    throw new ConversionError(`${path} is out of date: run the same command without --check`);
}
