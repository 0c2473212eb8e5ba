import { readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import type { Host } from "./host.ts";

/** What the name of a text that could not be written ends with; a later one gets a number after it. */
export const RESCUE = ".rescue";

/** Where such a text goes if it cannot be kept beside its file; undefined for a user without a state directory. */
export function rescueFolder(host: Host): string | undefined {
  const named = host.env["XDG_STATE_HOME"] ?? "";
  const home = host.accountHome();
  const state = isAbsolute(named) ? named : home === undefined ? "" : join(home, ".local/state");
  return state === "" ? undefined : join(state, "sopsmith");
}

/** The absolute paths of texts that are kept beside a file, if one is named, and in the user's state directory. */
export function rescues(host: Host, path?: string): string[] {
  const folder = rescueFolder(host);
  const name = path === undefined ? "" : basename(path);
  return [
    ...(path === undefined ? [] : rescuesIn(dirname(path), name)),
    ...(folder === undefined ? [] : rescuesIn(folder, name)),
  ];
}

/** @param name the file's name; empty for any */
function rescuesIn(folder: string, name: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => {
        const [, of] = /^(.+)\.rescue(?:\.\d{1,2})?$/s.exec(entry.name) ?? [];
        return entry.isFile() && of !== undefined && (name === "" || of === name);
      })
      .map((entry) => join(folder, entry.name))
      .toSorted();
  } catch {
    return [];
  }
}
