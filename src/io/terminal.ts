import { execFileSync, type StdioOptions } from "node:child_process";
import { isatty } from "node:tty";
import { requireProgram } from "./program-path.ts";

/** The name of the terminal that stdin, stdout or stderr is, such as `/dev/pts/3`; undefined where none of them is one. */
export function terminalName(): string | undefined {
  const descriptor = [0, 1, 2].find((candidate) => isatty(candidate));
  if (descriptor === undefined || process.platform === "win32") return undefined;
  try {
    const stdio: StdioOptions = [descriptor, "pipe", "ignore"];
    return execFileSync(requireProgram("tty", process), [], { stdio, encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
