import { basename, extname } from "node:path";
import { SopsmithError } from "../errors.ts";
import type { Host } from "./host.ts";
import { programPath, requireProgram } from "./program-path.ts";
import { signalName } from "./signal-name.ts";
import { systemCode, systemReason } from "./system-error.ts";
import { startDirectory } from "./working-directory.ts";
import { splitWords, UnsplittableText } from "./words.ts";

/** Exit 201, as in sops. */
export class EditorFailed extends SopsmithError {
  constructor(reason: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super("editor-failed", 201, `Could not run editor: ${reason}`, options);
  }
}

/**
 * The editor's command line without the file: `$SOPS_EDITOR`, else `$EDITOR` (the first that is not empty), split as a
 * shell does; else the first of vim, nano and vi on `PATH`. Editors known to return before the file is closed get the
 * flag that makes them wait.
 *
 * @throws {EditorFailed}
 * @see spec cli 5.4
 */
export function editorCommand(host: Host): string[] {
  const variable = ["SOPS_EDITOR", "EDITOR"].find((name) => host.env[name]);
  if (variable === undefined) {
    const found = ["vim", "nano", "vi"].find((name) => programPath(name, host) !== undefined);
    if (found !== undefined) return [found];
    throw new EditorFailed("no editor available: neither vim, nano nor vi is on PATH", {
      hint: "Set SOPS_EDITOR or EDITOR to your editor's command.",
    });
  }
  return withWaitFlag(words(variable, host.env[variable] ?? ""));
}

function words(variable: string, text: string): string[] {
  let split: string[];
  try {
    split = splitWords(text);
  } catch (error) {
    if (error instanceof UnsplittableText)
      throw new EditorFailed(`invalid $${variable}: ${error.message}`, { cause: error });
    throw error;
  }
  if (!split[0]) throw new EditorFailed(`invalid $${variable}: it names no command`);
  return split;
}

interface WaitFlag {
  readonly programs: RegExp;
  readonly flags: readonly string[];
  /** Other spellings that make it wait too. */
  readonly same?: readonly string[];
}

/** Editors that hand the file to a window and return at once, by their program's name without directory and extension. */
const waitFlags: readonly WaitFlag[] = [
  {
    programs: /^(?:code|code-insiders|code-oss|codium|codium-insiders|vscodium|cursor|windsurf)$/,
    flags: ["--wait"],
    same: ["-w"],
  },
  {
    programs:
      /^(?:zed|zeditor|zed-preview|subl|sublime_text|atom|pulsar|mate|bbedit|nova|xed|pluma)$/,
    flags: ["--wait"],
    same: ["-w"],
  },
  { programs: /^gedit$/, flags: ["--wait"], same: ["-w", "--standalone", "-s"] },
  { programs: /^gnome-text-editor$/, flags: ["--standalone"], same: ["-s"] },
  { programs: /^kate$/, flags: ["--block"], same: ["-b"] },
  { programs: /^(?:gvim|gview|mvim|mview)$/, flags: ["-f"], same: ["--nofork"] },
  { programs: /^nvim-qt$/, flags: ["--nofork"] },
  { programs: /^neovide$/, flags: ["--no-fork"] },
  {
    programs:
      /^(?:idea|pycharm|webstorm|phpstorm|goland|rubymine|clion|rider|datagrip|dataspell|rustrover|aqua|studio)(?:64|-community|-ultimate|-professional)?$/,
    flags: ["--wait"],
  },
  { programs: /^notepad\+\+$/, flags: ["-multiInst", "-nosession"] },
];

function withWaitFlag(argv: readonly string[]): string[] {
  const [program = "", ...rest] = argv;
  const file = basename(program.replaceAll("\\", "/")).toLowerCase();
  const name = /^\.(?:exe|cmd|bat|sh)$/.test(extname(file))
    ? file.slice(0, -extname(file).length)
    : file;
  const known = waitFlags.find(({ programs }) => programs.test(name));
  if (known === undefined || (known.same ?? []).some((flag) => rest.includes(flag)))
    return [...argv];
  const given = new Set(rest.map((word) => word.toLowerCase()));
  return [program, ...known.flags.filter((flag) => !given.has(flag.toLowerCase())), ...rest];
}

/**
 * Runs the editor on the files and resolves when it has ended well. It shares this program's terminal, and is not killed
 * when this program ends.
 *
 * @param argv from {@link editorCommand}
 * @throws {EditorFailed} when it cannot be started, ends with a status other than 0, or is killed
 */
export async function runEditor(argv: readonly string[], ...paths: string[]): Promise<void> {
  const { execa } = await import("execa");
  const [program = "", ...args] = argv;
  let file: string;
  try {
    file = requireProgram(program, process);
  } catch (error) {
    throw cannotStart(program, error);
  }
  const result = await execa(file, [...args, ...paths], {
    cwd: startDirectory(),
    stdio: "inherit",
    reject: false,
    cleanup: false,
    // The default would also hide the window of a Windows editor.
    windowsHide: false,
  });
  if (result.exitCode === 0) return;
  if (result.signal !== undefined) throw new EditorFailed(`signal: ${signalName(result.signal)}`);
  if (result.exitCode !== undefined) throw new EditorFailed(`exit status ${result.exitCode}`);
  throw cannotStart(program, result.cause);
}

function cannotStart(program: string, cause: unknown): EditorFailed {
  const reason = systemCode(cause) === "ENOENT" ? "no such program was found" : systemReason(cause);
  return new EditorFailed(`${basename(program)}: ${reason}`, {
    hint: "Set SOPS_EDITOR or EDITOR to your editor's command.",
    cause,
  });
}
