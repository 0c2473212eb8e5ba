import { SopsmithError } from "../errors.ts";

/** The `version` of a file is not a version. Exit 1. */
export class VersionError extends SopsmithError {
  constructor(message: string) {
    super("metadata-version", 1, message, {
      hint: "`version` in the `sops` block must be the version of the program that encrypted the file, such as 3.13.3.",
    });
  }
}

/**
 * Accepts what sops accepts: anything that starts with `1.`, else a strict semantic version after an optional `v`
 * (spec file-format 5.3).
 *
 * @throws {VersionError}
 */
export function checkVersion(text: string): void {
  if (text === "") throw new VersionError("Version string empty");
  if (text.startsWith("1.")) return;
  const [major, minor, ...rest] = text.replace(/^v/, "").split(".");
  if (major === "" && minor === undefined) throw new VersionError("Version string empty");
  if (major === undefined || minor === undefined || rest.length === 0) {
    throw new VersionError("No Major.Minor.Patch elements found");
  }
  checkNumber(major, "Major", "major");
  checkNumber(minor, "Minor", "minor");
  const [release, build] = cut(rest.join("."), "+");
  const [patch, pre] = cut(release, "-");
  checkNumber(patch, "Patch", "patch");
  for (const part of pre?.split(".") ?? []) {
    if (part === "") throw new VersionError("Prerelease is empty");
    if (/^0\d+$/.test(part))
      throw new VersionError("Numeric PreRelease version must not contain leading zeroes");
    if (!/^[\dA-Za-z-]+$/.test(part))
      throw new VersionError("Invalid character(s) found in prerelease");
  }
  for (const part of build?.split(".") ?? []) {
    if (part === "") throw new VersionError("Build meta data is empty");
    if (!/^[\dA-Za-z-]+$/.test(part))
      throw new VersionError("Invalid character(s) found in build meta data");
  }
}

function checkNumber(text: string, capital: string, name: string): void {
  if (!/^\d+$/.test(text)) throw new VersionError(`Invalid character(s) found in ${name} number`);
  if (/^0\d/.test(text))
    throw new VersionError(`${capital} number must not contain leading zeroes`);
}

/** Before and after the first occurrence of a character; after is undefined when there is none. */
function cut(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

/** Is version `a` lower than `b`, both accepted by `checkVersion`? Pre-release and build parts do not count. */
export function isOlderVersion(a: string, b: string): boolean {
  const numbers = (text: string): number[] =>
    text.replace(/^v/, "").split(/[.+-]/).slice(0, 3).map(Number);
  const [x, y] = [numbers(a), numbers(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
