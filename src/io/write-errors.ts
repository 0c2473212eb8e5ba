import { SopsmithError } from "../errors.ts";
import { systemReason } from "./system-error.ts";

/** The file cannot be opened or replaced; it is as it was. Exit 3, as in sops. */
export class CannotReplace extends SopsmithError {
  constructor(
    path: string,
    purpose: string,
    reason: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super("cannot-replace", 3, `Could not open ${purpose} file for writing: ${path}: ${reason}`, {
      ...options,
      file: path,
    });
  }
}

/** The same, where rewriting the file in place would work. */
export function unreplaceable(
  shown: string,
  purpose: string,
  reason: string,
  cause?: unknown,
): CannotReplace {
  return new CannotReplace(shown, purpose, reason, {
    hint: "To rewrite the file in place instead of replacing it, add --no-atomic; an interruption can then damage it.",
    cause,
  });
}

/** Writing failed, for example on a full disk. Exit 1, as in sops. */
export class WriteFailed extends SopsmithError {
  constructor(path: string, cause: unknown, hint: string) {
    super("write-failed", 1, `write ${path}: ${systemReason(cause)}`, { hint, cause, file: path });
  }
}

/** Another process changed the file after it was read; it is as that process left it. Exit 3. */
export class ChangedMeanwhile extends SopsmithError {
  constructor(path: string) {
    super("changed-meanwhile", 3, `${path} was changed by another process in the meantime`, {
      hint: "The file is as the other process left it. Run the command again.",
      file: path,
    });
  }
}
