import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it that are missing; one that is there stays as it is. Node's own `recursive` never ends
 * where a file system says that a folder is missing though the one above it exists, as /proc does.
 *
 * @param mode of each folder that is made
 * @returns the topmost folder that was made; undefined for none
 * @throws the system's error
 */
export async function makeFolder(path: string, mode = 0o777): Promise<string | undefined> {
  try {
    return await makeLast(path, mode);
  } catch (error) {
    const above = dirname(path);
    if (!isMissing(error) || above === path) throw error;
    // Somebody else may have made the one above just now.
    const topmost = (await isFolder(above)) ? undefined : await makeFolder(above, mode);
    const made = await makeLast(path, mode);
    return topmost ?? made;
  }
}

async function makeLast(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    if (await isFolder(path)) return undefined;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
