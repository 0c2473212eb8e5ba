import { rmdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SopsmithError } from "../errors.ts";
import { makeFolder } from "../io/make-folder.ts";
import { systemReason } from "../io/system-error.ts";

/** Folders that were asked for, by their path; each resolves to the topmost one that was made for it. */
export type MadeFolders = Map<string, Promise<string | undefined>>;

/** @throws {SopsmithError} exit 3, as for an output file that cannot be opened */
export async function makeDirectory(path: string, made: MadeFolders): Promise<void> {
  let making = made.get(path);
  if (making === undefined) {
    making = makeFolder(path);
    made.set(path, making);
  }
  await making.catch((error: unknown) => {
    throw new SopsmithError(
      "cannot-replace",
      3,
      `Could not open output file for writing: ${path}: ${systemReason(error)}`,
      { cause: error },
    );
  });
}

/** Takes away the directories that were made and stayed empty. */
export async function removeDirectories(made: MadeFolders): Promise<void> {
  for (const [path, making] of [...made].toSorted(([a], [b]) => b.length - a.length)) {
    const first = await making.catch(() => undefined);
    if (first === undefined) continue;
    for (let at = resolve(path); at.length >= resolve(first).length; at = dirname(at))
      if (
        !(await rmdir(at).then(
          () => true,
          () => false,
        ))
      )
        break;
  }
}
