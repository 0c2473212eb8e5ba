import { SopsmithError } from "../errors.ts";
import type { Documents, Mapping } from "../tree/node.ts";
import { configuresGenerator, generatorFor, namesFiles, type OpenedFile } from "./generators.ts";
import { isSealedResource } from "./open-resource.ts";
import { nameOf, refOf } from "./resource.ts";
import type { ResourceList, Result } from "./resource-list.ts";

/** What a run takes from outside. */
export interface Surroundings {
  /** @throws {SopsmithError} */
  openFile(path: string): Promise<OpenedFile>;
  /** @throws {SopsmithError} */
  openResource(resource: Mapping, name: string): Promise<Mapping>;
  parseYaml(text: Uint8Array): Documents;
}

export interface Outcome {
  /** The resources as they are now; those that came in where something failed. */
  readonly items: readonly Mapping[];
  readonly results: readonly Result[];
}

/**
 * Runs the function: configurations of generators become what they generate, resources that sops encrypted are decrypted, and all
 * others stay as they are. A `functionConfig` that names files and is not among the items adds what it generates.
 *
 * @returns every failure as a result; nothing is decrypted in the outcome where there is one
 */
export async function runFunction(
  { items, functionConfig }: Omit<ResourceList, "apiVersion">,
  surroundings: Surroundings,
): Promise<Outcome> {
  const results: Result[] = [];
  const made: Mapping[] = [];
  const adds =
    functionConfig !== undefined &&
    !items.some(configuresGenerator) &&
    configuresGenerator(functionConfig) &&
    namesFiles(functionConfig);
  for (const item of adds ? [...items, functionConfig] : items)
    for (const one of await replaced(item, results, surroundings)) made.push(one);
  return { items: results.some(({ severity }) => severity === "error") ? items : made, results };
}

async function replaced(
  item: Mapping,
  results: Result[],
  surroundings: Surroundings,
): Promise<Mapping[]> {
  const resource = refOf(item);
  const report = (severity: Result["severity"], message: string, where: Partial<Result> = {}) =>
    results.push({ field: undefined, file: undefined, ...where, severity, message, resource });
  try {
    const generate = generatorFor(item);
    if (generate !== undefined)
      return await generate(item, {
        openFile: surroundings.openFile,
        parseYaml: surroundings.parseYaml,
        warn: (message) => report("warning", `${nameOf(resource)}: ${message}`),
        failed: (error, file, field) =>
          report("error", `${file}: ${reason(error, file)}`, { field, file }),
      });
    return [
      isSealedResource(item) ? await surroundings.openResource(item, nameOf(resource)) : item,
    ];
  } catch (error) {
    report("error", `${nameOf(resource)}: ${reason(error, nameOf(resource))}`);
    return [];
  }
}

/** A failure in one line, with what to do. */
function reason(error: unknown, file: string): string {
  if (!(error instanceof SopsmithError)) throw error;
  // The report of a missing key is long: its advice is the line that begins with the file's name.
  const advice = error.message.split("\n").find((line) => line.startsWith(`${file}: `));
  const message = advice === undefined ? error.message : advice.slice(file.length + 2);
  const hint = error.hint === undefined ? "" : `. ${error.hint}`;
  return `${message.trim().replace(` (${file})`, "")}${hint}`.replaceAll(/\s*\n\s*/g, " ");
}
