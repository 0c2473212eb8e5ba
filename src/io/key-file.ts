import { rmSync } from "node:fs";
import { mkdir, open, readFile, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { SopsmithError } from "../errors.ts";
import { replaceFile } from "./atomic-write.ts";
import { onProcessEnd } from "./cleanup.ts";
import { systemCode, systemReason } from "./system-error.ts";

/**
 * Makes a file that only this user can read, with this text.
 *
 * @throws {SopsmithError} exit 1 when there is such a file already, or it cannot be made; nothing is left behind
 */
export async function createPrivateFile(path: string, text: () => Promise<string>): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, "wx", 0o600);
  } catch (error) {
    const exists = systemCode(error) === "EEXIST";
    throw new SopsmithError(
      "cannot-create-file",
      1,
      `failed to open output file "${path}": ${exists ? "file exists" : systemReason(error)}`,
      {
        hint: exists
          ? "It may hold a key that opens files, so it is never overwritten: choose another name."
          : undefined,
        cause: error,
        file: path,
      },
    );
  }
  const forget = onProcessEnd(() => rmSync(path, { force: true }));
  try {
    await file.writeFile(await text());
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    if (error instanceof SopsmithError) throw error;
    throw new SopsmithError("write-failed", 1, `write ${path}: ${systemReason(error)}`, {
      cause: error,
      file: path,
    });
  } finally {
    await file.close();
    forget();
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
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
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
      `The key file ${path} is protected by a passphrase: nothing can be added to it`,
      {
        file: path,
        hint: "Write the new key to a file of its own with -o, and name it in SOPS_AGE_KEY_FILE.",
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
