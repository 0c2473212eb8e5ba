import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { systemCode } from "./system-error.ts";

let own: string | undefined;

/**
 * Tells this process from all others, also later ones with the same number: number, start time, and a digest of the
 * machine and of the space in which process numbers count. Letters, digits and `-`; part of the names of temporary files.
 */
export function processMark(): string {
  own ??= `${process.pid}-${startOf("self") ?? "0"}-${scope()}`;
  return own;
}

/** A pattern that finds a mark in a name, without groups. */
export const markPattern: string = String.raw`\d+-\d+-[0-9a-f]{8}`;

/** True only where the process certainly runs no more; one of another machine or container cannot be judged. */
export function isGone(mark: string): boolean {
  const [pid = "", start = "", where = ""] = mark.split("-");
  if (where !== scope() || !/^[1-9]\d*$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if (systemCode(error) === "ESRCH") return true;
  }
  const now = startOf(pid);
  return start !== "0" && now !== undefined && now !== start;
}

/** In clock ticks since the start of the machine; undefined where the system does not show it. */
function startOf(pid: string): string | undefined {
  const stat = textOf(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  // proc_pid_stat(5): field 22; the name in parentheses, the second one, may hold anything.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

let ownScope: string | undefined;

function scope(): string {
  ownScope ??= createHash("sha256")
    .update(textOf(() => readFileSync("/etc/machine-id", "utf8")))
    .update(textOf(() => readFileSync("/proc/sys/kernel/hostname", "utf8")))
    .update(textOf(() => readlinkSync("/proc/self/ns/pid")))
    .digest("hex")
    .slice(0, 8);
  return ownScope;
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
