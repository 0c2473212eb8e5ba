import { existsSync, mkdtempSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A new folder from which no installed package is found on the way up, as a user's project is. */
export function lonelyFolder(name: string): string {
  const base = [tmpdir(), "/var/tmp", homedir()].find(
    (place) => existsSync(place) && isLonely(place),
  );
  if (base === undefined) throw new Error("every place for temporary files has node_modules above");
  return mkdtempSync(join(base, `sopsmith-${name}-`));
}

function isLonely(folder: string): boolean {
  if (existsSync(join(folder, "node_modules"))) return false;
  const above = dirname(folder);
  return above === folder || isLonely(above);
}
