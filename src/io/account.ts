import { readFileSync } from "node:fs";
import { SopsmithError } from "../errors.ts";
import type { Host } from "./host.ts";
import { systemReason } from "./system-error.ts";

/** An account of the operating system. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** What login sets for an account. */
export function accountVariables({ name, home }: Account): Record<string, string> {
  return { HOME: home, USER: name, LOGNAME: name };
}

/**
 * The account of this name, from `/etc/passwd` or wherever the system keeps them (`getent`).
 *
 * @throws {SopsmithError} exit 1 where there is none
 */
export async function findAccount(name: string, host: Host): Promise<Account> {
  if (host.platform === "win32")
    throw new SopsmithError("no-accounts", 1, "--user does not work on Windows");
  const account =
    accountIn(localAccounts(), name) ?? accountIn(await otherAccount(name, host), name);
  if (account === undefined)
    throw new SopsmithError("no-account", 1, `user: unknown user ${name}`, {
      hint: "--user needs the name of an account on this machine.",
    });
  return account;
}

/** Lines of passwd(5). */
function localAccounts(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}

async function otherAccount(name: string, host: Host): Promise<string> {
  // A name that looks like an option or a number is looked up otherwise by getent.
  if (!/^[A-Za-z_][^:\n]*$/.test(name)) return "";
  try {
    const { stdout } = await host.run(["getent", "passwd", name], host.env);
    return Buffer.from(stdout).toString("utf8");
  } catch {
    return "";
  }
}

function accountIn(passwd: string, wanted: string): Account | undefined {
  for (const line of passwd.split("\n")) {
    const [name, , uid = "", gid = "", , home = ""] = line.split(":");
    if (name === wanted && /^\d+$/.test(uid) && /^\d+$/.test(gid))
      return { name, uid: Number(uid), gid: Number(gid), home };
  }
  return undefined;
}

/** Not in the types of Node. */
interface GroupSetter {
  initgroups?(user: string, extraGroup: number): void;
}

/**
 * Makes this process run as the account, with all of its groups. There is no way back.
 *
 * @throws {SopsmithError} exit 1 where this user may not
 */
export function switchTo({ name, uid, gid }: Account): void {
  const { initgroups, setgid, setuid }: NodeJS.Process & GroupSetter = process;
  if (initgroups === undefined || setgid === undefined || setuid === undefined)
    throw new SopsmithError("no-accounts", 1, "--user does not work on this system");
  try {
    initgroups(name, gid);
    setgid(gid);
    setuid(uid);
  } catch (error) {
    throw new SopsmithError("no-switch", 1, `cannot run as user ${name}: ${systemReason(error)}`, {
      hint: "Only root may use --user.",
    });
  }
}
