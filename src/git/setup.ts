import { shellWord } from "./shell-word.ts";

/** A setting of a clone's Git configuration. */
export interface GitSetting {
  readonly name: string;
  readonly value: string;
}

/** Sections of the configuration that are ours alone. */
export const ownSections: readonly string[] = [
  "diff.sopsmith",
  "merge.sopsmith",
  "mergetool.sopsmith",
];

/** What `.gitattributes` says of files with encrypted values. */
export const OWN_ATTRIBUTES = "diff=sopsmith merge=sopsmith";

/**
 * What a clone is reported.
 *
 * @param program how to run this program: absolute paths
 */
export function ownSettings(program: readonly string[]): GitSetting[] {
  return [
    { name: "diff.sopsmith.textconv", value: textconvLine(program) },
    // Plain text must not end in Git's object store.
    { name: "diff.sopsmith.cachetextconv", value: "false" },
    { name: "merge.sopsmith.name", value: "merge encrypted files by value" },
    { name: "merge.sopsmith.driver", value: mergeLine(program) },
    // For the ancestor that Git makes of several: no conflict markers in it.
    { name: "merge.sopsmith.recursive", value: "binary" },
    { name: "mergetool.sopsmith.cmd", value: `${line(program)} mergetool -- "$MERGED"` },
    { name: "mergetool.sopsmith.trustExitCode", value: "true" },
  ];
}

/**
 * A line of shell that prints a file: decrypted where it holds ciphertexts, else as it is. A file without any costs no start of
 * this program, and where the program has gone, files are shown as they are.
 */
function textconvLine(program: readonly string[]): string {
  const test = `${HAS_CIPHERTEXT} "$1" && ${isThere(program)}`;
  return `f() { if ${test}; then ${line(program)} git textconv -- "$1"; else cat -- "$1"; fi; }; f`;
}

/** The same for a merge: files without ciphertexts, and all where the program has gone, are merged as Git does it by itself. */
function mergeLine(program: readonly string[]): string {
  const test = `${HAS_CIPHERTEXT} "$1" "$2" "$3" && ${isThere(program)}`;
  const asText = `git merge-file -q --marker-size="$4" -L ours -L base -L theirs "$2" "$1" "$3"`;
  return `f() { if ${test}; then ${line(program)} git merge -- "$@"; else ${asText}; fi; }; f %O %A %B %L %P`;
}

/** With `--`, as in every line here: Git passes a file of the work tree under its own name, which may begin with a dash. */
const HAS_CIPHERTEXT = "LC_ALL=C grep -qF -e 'ENC[AES256_GCM,' --";

const line = (program: readonly string[]): string => program.map(shellWord).join(" ");

const isThere = (program: readonly string[]): string =>
  program.map((path, index) => `test -${index === 0 ? "x" : "f"} ${shellWord(path)}`).join(" && ");

const HOOK_MARK = "# Written by `sopsmith git install --hook`: refuses unencrypted secrets";

/** A pre-commit hook that looks at what is staged. */
export function hookText(program: readonly string[]): string {
  return `#!/bin/sh\n${HOOK_MARK}\nexec ${line(program)} check --staged\n`;
}

export const isOwnHook = (text: string): boolean => text.includes(`\n${HOOK_MARK}\n`);

const FIRST = "# For Git, by `sopsmith git install`";
const LAST = "# End of what `sopsmith git install` wrote";
/** The first line of earlier versions. */
const OLDER = "# Plain text in diffs, by `sopsmith git install`";

/** `.gitattributes` with our lines for these patterns in the place of those that were there; without any for none. */
export function withAttributes(text: string, patterns: readonly string[]): string {
  const kept = withoutOwn(withoutOwn(text, OLDER), FIRST);
  if (patterns.length === 0) return kept;
  const gap = kept === "" || kept.endsWith("\n") ? "" : "\n";
  const lines = [FIRST, ...patterns.map((pattern) => `${pattern} ${OWN_ATTRIBUTES}`), LAST];
  return `${kept}${gap}${lines.join("\n")}\n`;
}

/** Whether some line, ours or not, gives files our attributes. */
export const hasAttributes = (text: string): boolean =>
  text.split("\n").some((line) => {
    const words = line.trim().split(/\s+/);
    return !line.startsWith("#") && OWN_ATTRIBUTES.split(" ").every((word) => words.includes(word));
  });

function withoutOwn(text: string, begin: string): string {
  const start = text.indexOf(`${begin}\n`);
  const end = text.indexOf(`${LAST}\n`, start);
  return start < 0 || end < 0 ? text : text.slice(0, start) + text.slice(end + LAST.length + 1);
}
