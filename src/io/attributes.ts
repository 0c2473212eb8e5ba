import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { programPath, requireProgram } from "./program-path.ts";

/** What could not be given to a new file, and what the user can do about it. */
export interface LostAttributes {
  /** The old file's access control list, or the freedom from one that new files inherit. */
  readonly list: boolean;
  readonly others: boolean;
  readonly advice: string;
}

/** What is to be kept of one file. */
export interface FileAttributes {
  /** Its access control list names more than owner, group and everybody. */
  readonly hasList: boolean;
  /** New files in its directory get such a list. */
  readonly inheritsList: boolean;
  /**
   * Gives them to a new file beside the old one.
   *
   * @param options.hasGroup the new file's group is the old one's; a list means something else for another group
   */
  give(path: string, options: { hasGroup: boolean }): Promise<LostAttributes>;
}

/** What is known of files that are to be replaced. */
export interface Attributes {
  /** Undefined where owner and mode are all that there is to keep. */
  of(path: string): FileAttributes | undefined;
}

/** The attributes of each file that has some; a line for each, as the tool prints them. */
type Dump = ReadonlyMap<string, readonly string[]>;

/**
 * Asks the system's own tools for what Node cannot see: access control lists (`getfacl`) and extended attributes
 * (`getfattr`, which also knows the lists). Where neither is there or works, `ls` at least shows that there is a list:
 * without it, the rights that a list leaves to named users would go to the whole group. One process for all files. Labels
 * that the system itself gives (`security.*`, `trusted.*`) are left to it.
 *
 * @param paths absolute, links resolved
 */
export async function readAttributes(paths: readonly string[]): Promise<Attributes> {
  if (paths.length === 0 || process.platform === "win32") return { of: () => undefined };
  const dirs = [...new Set(paths.map((path) => dirname(path)))];
  const all = [...paths, ...dirs];
  const getfattr = programPath("getfattr", process);
  const setfattr = programPath("setfattr", process);
  if (getfattr !== undefined && setfattr !== undefined) {
    const dump = await dumpOf([getfattr, "-d", "-m", "-", "-e", "hex"], all);
    if (dump !== undefined) return fromGetfattr(dump, setfattr);
  }
  const getfacl = programPath("getfacl", process);
  const setfacl = programPath("setfacl", process);
  if (getfacl !== undefined && setfacl !== undefined) {
    const dump = await dumpOf([getfacl, "-s", "-n", "-E"], all);
    if (dump !== undefined) return fromGetfacl(dump, setfacl);
  }
  // Without rights for a group, no list gives any to others.
  const ls = paths.some(hasGroupBits) ? programPath("ls", process) : undefined;
  return ls === undefined ? { of: () => undefined } : fromLs(await listed(ls, all));
}

const LIST_NAME = "system.posix_acl_access";
/** What belongs to a file's content and access, and is not the system's own. */
const KEPT = /^(?:user\.|system\.(?:posix_acl_access|nfs4_acl)(?:=|$))/;

function fromGetfattr(dump: Dump, setfattr: string): Attributes {
  const advice = "See getfattr and getfacl for what is missing.";
  return {
    of(path) {
      const lines = (dump.get(path) ?? []).filter((line) => KEPT.test(line));
      const list = lines.filter((line) => line.startsWith("system."));
      const others = lines.filter((line) => !line.startsWith("system."));
      const inheritsList = linesStart(dump.get(dirname(path)), "system.posix_acl_default");
      if (lines.length === 0 && !inheritsList) return undefined;
      const restore = (temp: string, some: readonly string[]) =>
        run([setfattr, "--restore=-"], `# file: ${escaped(temp)}\n${some.join("\n")}\n\n`);
      return {
        hasList: list.length > 0,
        inheritsList,
        async give(temp, { hasGroup }) {
          let isListKept = true;
          if (list.length > 0) isListKept = hasGroup && (await restore(temp, list)).isDone;
          else if (inheritsList) isListKept = (await run([setfattr, "-x", LIST_NAME, temp])).isDone;
          const isRestKept = others.length === 0 || (await restore(temp, others)).isDone;
          return { list: !isListKept, others: !isRestKept, advice };
        },
      };
    },
  };
}

function fromGetfacl(dump: Dump, setfacl: string): Attributes {
  const advice = "See getfacl for what is missing.";
  return {
    of(path) {
      const list = dump.get(path) ?? [];
      const inheritsList = linesStart(dump.get(dirname(path)), "default:");
      if (list.length === 0 && !inheritsList) return undefined;
      return {
        hasList: list.length > 0,
        inheritsList,
        async give(temp, { hasGroup }) {
          const { isDone } =
            list.length === 0
              ? await run([setfacl, "-b", "--", temp])
              : await run([setfacl, "--set-file=-", "--", temp], `${list.join("\n")}\n`);
          return { list: !isDone || (list.length > 0 && !hasGroup), others: false, advice };
        },
      };
    },
  };
}

function fromLs(withList: ReadonlySet<string>): Attributes {
  const advice = "Install getfacl and setfacl (package acl) to keep access control lists.";
  return {
    of(path) {
      const [hasList, inheritsList] = [withList.has(path), withList.has(dirname(path))];
      if (!hasList && !inheritsList) return undefined;
      return {
        hasList,
        inheritsList,
        give: () => Promise.resolve({ list: true, others: false, advice }),
      };
    },
  };
}

function linesStart(lines: readonly string[] | undefined, start: string): boolean {
  return lines?.some((line) => line.startsWith(start)) ?? false;
}

function hasGroupBits(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o070) !== 0;
}

/** How many bytes of names fit on a command line with certainty. */
const LINE_LENGTH = 100_000;

/** As few calls as the system takes. */
function* batchesOf(paths: readonly string[]): Generator<readonly string[]> {
  let names: string[] = [];
  let length = 0;
  for (const path of paths) {
    length += Buffer.byteLength(path) + 1;
    if (length > LINE_LENGTH && names.length > 0) {
      yield names;
      names = [];
      length = 0;
    }
    names.push(path);
  }
  yield names;
}

/**
 * The output of getfattr or getfacl: for each file a line `# file: name`, its attributes, and an empty line.
 *
 * @returns undefined when the tool does not work
 */
async function dumpOf(
  argv: readonly string[],
  paths: readonly string[],
): Promise<Dump | undefined> {
  const dump = new Map<string, string[]>();
  for (const names of batchesOf(paths)) {
    const { stdout, hasAnswered } = await run([...argv, "--absolute-names", "--", ...names]);
    if (!hasAnswered) return undefined;
    let lines: string[] = [];
    for (const line of stdout.split("\n")) {
      const name = /^# file: (.*)$/.exec(line)?.[1];
      if (name !== undefined) dump.set(unescaped(name), (lines = []));
      else if (line !== "" && !line.startsWith("#")) lines.push(line);
    }
  }
  return dump;
}

/** The files after whose mode `ls` shows a `+`. */
async function listed(ls: string, paths: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const names of batchesOf(paths)) {
    const { stdout } = await run([ls, "-dln", "--", ...names]);
    for (const name of names) {
      const at = stdout.indexOf(` ${name}\n`);
      // The mode at the start of that line: a name may have several.
      const line = at < 0 ? "" : stdout.slice(stdout.lastIndexOf("\n", at) + 1, at);
      if (/^.{10}\+ /.test(line)) found.add(name);
    }
  }
  return found;
}

/** The tools write line breaks in names as `\012`; a backslash is `\134` to one and `\\` to the other. */
function escaped(name: string): string {
  return name.replaceAll(
    /[\\\n\r]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

function unescaped(name: string): string {
  return name.replaceAll(/\\(?:([0-7]{3})|\\)/g, (_, octal: string | undefined) =>
    octal === undefined ? "\\" : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

const LIMIT_MS = 10_000;

interface Ran {
  readonly isDone: boolean;
  /** All was done, or the tool said of which files it was not: of one that has gone, or is closed to this user. */
  readonly hasAnswered: boolean;
  readonly stdout: string;
}

function run([program = "", ...args]: readonly string[], stdin = ""): Promise<Ran> {
  const { PATH = "" } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      requireProgram(program, process),
      args,
      { env: { PATH, LC_ALL: "C" }, timeout: LIMIT_MS, maxBuffer: 1 << 26 },
      (error, stdout, stderr) =>
        resolve({
          isDone: error === null,
          hasAnswered: error === null || (error.code === 1 && stderr !== ""),
          stdout,
        }),
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}
