import { lstatSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SopsmithError } from "../errors.ts";
import { replaceFile } from "./atomic-write.ts";
import { systemCode, systemReason } from "./system-error.ts";
import { CannotReplace, ChangedMeanwhile } from "./write-errors.ts";
import { makeFolder } from "./make-folder.ts";

/**
 * Makes a file that only this user can read, with this text. It appears with its text or not at all.
 *
 * @throws {SopsmithError} exit 1 when there is such a file already, or it cannot be made; nothing is left behind
 */
export async function createPrivateFile(path: string, text: () => Promise<string>): Promise<void> {
  const exists = "file exists";
  const cannot = (reason: string, cause?: unknown) =>
    new SopsmithError("cannot-create-file", 1, `failed to open output file "${path}": ${reason}`, {
      hint:
        reason === exists
          ? "It may contain a key that opens files, so it is never overwritten: choose another name."
          : undefined,
      cause,
      file: path,
    });
  // Before somebody is asked for a passphrase, or a key is piped in.
  if (isTaken(path)) throw cannot(exists);
  const content = await text();
  try {
    await replaceFile(path, [content], { purpose: "output", mode: 0o600, expected: "absent" });
  } catch (error) {
    if (error instanceof ChangedMeanwhile) throw cannot(exists, error);
    if (error instanceof CannotReplace) throw cannot(systemReason(error.cause), error);
    throw error;
  }
}

function isTaken(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** What a key file was like when lines were added. */
export interface AppendResult {
  readonly hadContent: boolean;
  /** Its permissions let other users in; they are left as they are. */
  readonly isOpenToOthers: boolean;
}

/**
 * Adds lines to the end of a key file, which is made (0600) with its directories (0700) where it does not exist. The file
 * is replaced as a whole, so that what it held survives any interruption.
 *
 * @throws {SopsmithError} exit 1 for a file that lines cannot be added to; it is as it was
 */
export async function appendToKeyFile(
  path: string,
  lines: string,
  options: { noAtomic: boolean },
): Promise<AppendResult> {
  let old: Buffer;
  try {
    await makeFolder(dirname(path), 0o700);
    old = await readFile(path).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return Buffer.alloc(0);
      throw error;
    });
  } catch (error) {
    throw new SopsmithError(
      "unusable-key-file",
      1,
      `The key file ${path} cannot be used: ${systemReason(error)}`,
      { cause: error, file: path },
    );
  }
  if (/^(?:age-encryption|-----BEGIN AGE)/.test(old.toString("latin1", 0, 14)))
    throw new SopsmithError(
      "encrypted-key-file",
      1,
      `The key file ${path} is protected by a passphrase, so nothing can be added to it`,
      {
        file: path,
        hint: "Write the new key to a separate file with -o, and name it in SOPS_AGE_KEY_FILE.",
      },
    );
  const isOpenEnded = old.length > 0 && old.at(-1) !== 0x0a;
  await replaceFile(path, [old, isOpenEnded ? "\n" : "", lines], { ...options, mode: 0o600 });
  const { mode } = await stat(path);
  return {
    hadContent: old.length > 0,
    isOpenToOthers: process.platform !== "win32" && (mode & 0o077) !== 0,
  };
}
