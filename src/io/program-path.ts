import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Host } from "./host.ts";

/** Where a shell would find the program; undefined when it is not there. A name with a `/` stands for itself. */
export function programPath(name: string, host: Host): string | undefined {
  const isWindows = host.platform === "win32";
  if (name.includes("/") || (isWindows && name.includes("\\")))
    return isProgram(name) ? name : undefined;
  const suffixes = isWindows ? ["", ...(host.env["PATHEXT"] ?? ".EXE;.CMD;.BAT").split(";")] : [""];
  for (const dir of (host.env["PATH"] ?? host.env["Path"] ?? "").split(delimiter)) {
    if (dir === "") continue;
    for (const suffix of suffixes) {
      const path = join(dir, name + suffix);
      if (isProgram(path)) return path;
    }
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
