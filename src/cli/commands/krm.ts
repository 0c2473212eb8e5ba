import { realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { loadFormat } from "../../../formats/index.ts";
import { decryptWhole } from "../../decrypt.ts";
import { inFile, SopsmithError } from "../../errors.ts";
import { foundFile } from "../../io/host.ts";
import { printable } from "../../io/printable.ts";
import { systemCode, systemReason } from "../../io/system-error.ts";
import { remembering } from "../../key-service/remembering.ts";
import { configuresGenerator, type OpenedFile } from "../../krm/generators.ts";
import { runFunction } from "../../krm/krm.ts";
import { haveTheirMac, openResource, type OpenedResource } from "../../krm/open-resource.ts";
import { KrmError } from "../../krm/problem.ts";
import {
  emitResourceList,
  emitResources,
  isResourceList,
  parseResourceList,
  type Result,
} from "../../krm/resource-list.ts";
import { joinChunks } from "../../tree/long-text.ts";
import type { Documents } from "../../tree/node.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import type { TextFlag } from "../flags.ts";
import { heldFormat } from "../held-format.ts";
import { keyServices } from "../key-services.ts";
import { openOrder } from "../open-order.ts";
import { sourceOf } from "../source.ts";
import { oneLine, warn } from "../warn.ts";
import { nameOf, readInput } from "./k8s-input.ts";

const NONE = "LoadRestrictionsNone";
const ROOT_ONLY = "LoadRestrictionsRootOnly";

const loadRestrictor: TextFlag = {
  kind: "text",
  names: ["load-restrictor"],
  env: "SOPSMITH_KRM_LOAD_RESTRICTOR",
  value: "how",
  about: `${ROOT_ONLY} (default): only files in and below the kustomization's directory, as in kustomize; or ${NONE}`,
};

/** Function for kustomize: generates Secrets of encrypted files, decrypts resources. */
export const krm: Command = {
  operands: "[generator.yaml]",
  completes: ["file", "none"],
  flags: [loadRestrictor, flags.ignoreMac, flags.decryptionOrder, ...flags.keyServices],
  notes: [
    "kustomize runs it as an exec function (kustomize build --enable-alpha-plugins --enable-exec) or as an exec plugin. It accepts the",
    "generators of KSOPS (viaduct.ai/v1 ksops) and SopsSecretGenerator (goabout.com/v1beta1); listed under transformers, it decrypts",
    "every resource with a sops block. Run under the name ksops or SopsSecretGenerator (ln -s sopsmith ksops), sopsmith runs this command.",
  ],
  examples: [
    {
      does: "see what a generator makes, without kustomize",
      line: "sopsmith krm secret-generator.yaml",
    },
    {
      does: "replace KSOPS",
      line: 'ln -s "$(command -v sopsmith)" /usr/local/bin/ksops',
    },
  ],
  async run(call) {
    const { operands, streams } = call;
    const [operand = "-"] = operands;
    if (operands.length > 1)
      throw new UsageError("krm accepts one file, or a ResourceList on stdin");
    const restrictor = call.options.text(loadRestrictor) || ROOT_ONLY;
    if (restrictor !== NONE && restrictor !== ROOT_ONLY)
      throw new UsageError(`--load-restrictor must be ${ROOT_ONLY} or ${NONE}`);
    const format = await loadFormat("yaml");
    const parse = (text: Uint8Array): Documents => format.parse(text, { sealed: false });
    const documents = parseNamed(await readInput(call, operand), nameOf(operand), parse);
    const [first] = documents;
    const { services, wipe } = remembering(await keyServices(call));
    const order = openOrder(call);
    const surroundings = {
      openFile: (path: string) =>
        openFile({ ...call, shared: { config: undefined, services } }, path, order, restrictor),
      openResource: (resource: Documents[number], name: string) =>
        openResource(
          resource,
          {
            name,
            services,
            order,
            audit: (action) => call.host.audit?.(action, name) ?? Promise.resolve(),
            warn: (message) => warn(streams, `${name}: ${message}`),
          },
          call.host,
        ),
      isVerified: async (resources: readonly OpenedResource[]) =>
        call.options.on(flags.ignoreMac) || (await haveTheirMac(resources)),
      parseYaml: parse,
    };
    try {
      if (first !== undefined && isResourceList(first)) {
        const list = parseResourceList(first);
        const { items, results } = await runFunction(list, surroundings);
        await streams.writeStdout(emitResourceList({ ...list, items }, results, format));
        return report(call, results);
      }
      if (first === undefined || (operand === "-" && !configuresGenerator(first)))
        throw new KrmError(`there is no ResourceList on ${nameOf(operand)}`, {
          hint: 'kustomize sends one: see "sopsmith help krm". To try a generator alone, name its file.',
        });
      const { items, results } = await runFunction(
        { items: documents, functionConfig: undefined },
        surroundings,
      );
      report(call, results);
      return await streams.writeStdout(emitResources([...items], format));
    } finally {
      await wipe();
    }
  },
};

function parseNamed(
  text: Uint8Array,
  file: string,
  parse: (text: Uint8Array) => Documents,
): Documents {
  try {
    return parse(text);
  } catch (error) {
    throw error instanceof SopsmithError ? inFile(error, file) : error;
  }
}

/** @throws {KrmError} where there is an error among them: one line for each */
function report({ streams }: Call, results: readonly Result[]): void {
  for (const { severity, message } of results) if (severity === "warning") warn(streams, message);
  const errors = results.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new KrmError(errors.map(({ message }) => printable(oneLine(message))).join("\n"));
}

async function openFile(
  call: Call,
  path: string,
  order: readonly string[],
  restrictor: string,
): Promise<OpenedFile> {
  const { host, options, streams } = call;
  const found = locate(host.cwd(), path, restrictor);
  let sealed: Uint8Array;
  try {
    sealed = await host.readFile(found, foundFile);
  } catch (error) {
    throw unreadable(error);
  }
  const source = { ...sourceOf(call, path), opened: found, file: path };
  const name = await heldFormat(call, source);
  const { documents } = await decryptWhole(
    sealed,
    {
      file: path,
      input: name,
      output: name,
      order,
      services: await keyServices(call),
      audit: (action) => host.audit?.(action, found) ?? Promise.resolve(),
      ignoreMac: options.on(flags.ignoreMac),
      layout: "sops",
      warn: (message) => warn(streams, `${path}: ${message}`),
    },
    host,
  ).catch(notEncrypted);
  const { emit } = await loadFormat(name);
  return { format: name, documents, content: joinChunks(emit(documents, { sealed: false })) };
}

/**
 * The file that a configuration names. A path may not lead out of the directory of the kustomization, neither by `..` nor by a link:
 * kustomize itself allows no more.
 *
 * @throws {KrmError}
 */
function locate(cwd: string, path: string, restrictor: string): string {
  const root = real(cwd);
  const absolute = resolve(cwd, path);
  const isFree = restrictor === NONE;
  // Before the disk is asked, so that nobody learns what is there.
  if (!isFree && !isBelow(absolute, cwd) && !isBelow(absolute, root)) throw outside();
  const found = real(absolute);
  if (!isFree && !isBelow(found, root)) throw outside();
  return found;
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw unreadable(error);
  }
}

const isBelow = (path: string, root: string): boolean =>
  path.startsWith(root.endsWith(sep) ? root : root + sep);

const outside = (): KrmError =>
  new KrmError("the file is outside the kustomization's directory", {
    hint: `Move it there, or set SOPSMITH_KRM_LOAD_RESTRICTOR=${NONE}, as for kustomize's --load-restrictor`,
  });

/** Here nobody can say what a file's format is, as the usual advice would have it. */
function notEncrypted(error: unknown): never {
  if (!(error instanceof SopsmithError && error.code === "metadata-not-found")) throw error;
  throw new KrmError("the file is not encrypted, or its format is not the one that its name says", {
    cause: error,
  });
}

function unreadable(error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  return new KrmError(
    code === "ENOENT"
      ? "there is no such file; paths are relative to the kustomization's directory"
      : `it cannot be read: ${systemReason(error)}`,
    { cause: error },
  );
}
