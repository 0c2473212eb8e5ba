import { SopsmithError } from "./errors.ts";

/**
 * The error about a file that could not be read, with a hint where the file holds the markers of an unfinished merge; else the
 * same error.
 */
export function namingConflict(error: SopsmithError, source: Uint8Array): SopsmithError {
  const text = Buffer.from(source.buffer, source.byteOffset, source.length).toString("latin1");
  const start = text.search(/^<{7} /m);
  if (start < 0 || !/^>{7} /m.test(text.slice(start))) return error;
  const line = text.slice(0, start).split("\n").length;
  const { code, exitCode, message, cause, file, path } = error;
  return new SopsmithError(code, exitCode, message, {
    hint: `It contains the conflict markers of a merge, starting on line ${line}. Resolve the conflict first, for instance with \`git checkout --ours\` or \`--theirs\`.`,
    cause,
    file,
    path,
  });
}
