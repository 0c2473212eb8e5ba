import type { Host } from "../io/host.ts";
import { usualFiles } from "./found-files.ts";
import { mergeLayers, variablesOf } from "./layers.ts";
import { openLayer } from "./open-layers.ts";

/** What was put into the environment of this process, by name. */
export const ownVariables: Map<string, string> = new Map<string, string>();

/**
 * Puts the values of the usual files into an environment, under flat names. What is there already stays.
 *
 * @throws {SopsmithError} as `load`
 */
export async function fillEnvironment(
  into: Record<string, string | undefined>,
  host: Host,
): Promise<void> {
  const files = usualFiles(host.cwd(), into);
  if (files.length === 0) return;
  const layers = await Promise.all(files.map((file) => openLayer(file, host)));
  for (const { name, text } of variablesOf(mergeLayers(layers), {})) {
    if (into[name] !== undefined) continue;
    into[name] = text;
    ownVariables.set(name, text);
  }
}
