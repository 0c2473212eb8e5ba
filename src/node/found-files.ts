import { statSync } from "node:fs";
import { dirname, join } from "node:path";

/** The files that are looked for where none are named; of several in one folder all are taken, the last on top. */
export const usualNames: readonly string[] = [
  ".env.enc",
  "secrets.enc.yaml",
  "secrets.enc.yml",
  "secrets.enc.json",
];

/**
 * The files to load where the program names none: those of `SOPSMITH_FILES`, separated by commas, else those with a usual name in the nearest
 * folder that has any, from the working directory up to the package's root, the first folder with a `package.json`.
 *
 * @returns none for an empty `SOPSMITH_FILES`
 */
export function usualFiles(
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const named = env["SOPSMITH_FILES"];
  if (named !== undefined)
    return named
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
  const folders = packageFolders(cwd);
  for (const folder of folders) {
    const there = usualNames.map((name) => join(folder, name)).filter(isFile);
    if (there.length > 0) return there;
  }
  return [];
}

/** From the working directory up to the package's root; outside of a package the working directory alone. */
function packageFolders(cwd: string): string[] {
  const folders: string[] = [];
  for (let folder = cwd; ; folder = dirname(folder)) {
    folders.push(folder);
    if (isFile(join(folder, "package.json"))) return folders;
    if (dirname(folder) === folder) return [cwd];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
