import { SopsmithError } from "../errors.ts";
import type { Documents, Mapping } from "../tree/node.ts";
import { configuresGenerator, generatorFor, namesFiles, type OpenedFile } from "./generators.ts";
import { fileOf, isSealedResource, type OpenedResource } from "./open-resource.ts";
import { KrmError } from "./problem.ts";
import { nameOf, refOf } from "./resource.ts";
import type { ResourceList, Result } from "./resource-list.ts";

/** What a run takes from outside. */
export interface Surroundings {
  /** @throws {SopsmithError} */
  openFile(path: string): Promise<OpenedFile>;
  /** @throws {SopsmithError} */
  openResource(resource: Mapping, name: string): Promise<OpenedResource>;
  /** Do all resources of one file have its MAC, or does nobody want to know? */
  isVerified(resources: readonly OpenedResource[]): Promise<boolean>;
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
  const isSealed = (item: Mapping): boolean => isSealedResource(item) && !configuresGenerator(item);
  const files = Map.groupBy(items.filter(isSealed), fileOf);
  const opened = new Map<Mapping, Mapping>();
  for (const file of files.values())
    for (const [item, root] of await openedFile(file, results, surroundings))
      opened.set(item, root);
  for (const item of adds ? [...items, functionConfig] : items)
    if (isSealed(item)) made.push(opened.get(item) ?? item);
    else for (const one of await replaced(item, results, surroundings)) made.push(one);
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
    return [item];
  } catch (error) {
    report("error", `${nameOf(resource)}: ${reason(error, nameOf(resource))}`);
    return [];
  }
}

const mismatch = new KrmError(
  "MAC mismatch: the values were changed after encryption, or kustomize changed more than their order",
  {
    hint: "List the file under files in a ksops generator instead of under resources, or encrypt it with mac_only_encrypted: true",
  },
);

/** The resources of one file, decrypted; none where one of them fails. */
async function openedFile(
  file: readonly Mapping[],
  results: Result[],
  surroundings: Surroundings,
): Promise<[Mapping, Mapping][]> {
  const opened: OpenedResource[] = [];
  const report = (items: readonly Mapping[], error: unknown): void => {
    const name = items.map((item) => nameOf(refOf(item))).join(", ");
    results.push({
      severity: "error",
      message: `${name}: ${reason(error, name)}`,
      resource: items[0] && refOf(items[0]),
      field: undefined,
      file: undefined,
    });
  };
  try {
    for (const item of file) {
      try {
        opened.push(await surroundings.openResource(item, nameOf(refOf(item))));
      } catch (error) {
        report([item], error);
      }
    }
    if (opened.length < file.length) return [];
    if (!(await surroundings.isVerified(opened))) {
      report(file, mismatch);
      return [];
    }
  } finally {
    for (const { file: one } of opened) one.dataKey.fill(0);
  }
  return file.flatMap((item, index): [Mapping, Mapping][] => {
    const root = opened[index]?.root;
    return root === undefined ? [] : [[item, root]];
  });
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
