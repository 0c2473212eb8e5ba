import { getSystemErrorMessage } from "node:util";

/** The `ENOENT`, `EACCES`, … of an error of the operating system; undefined for any other. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

const ownReasons: Readonly<Record<string, string>> = {
  EISDIR: "is a directory",
  ENOTREG: "is not a regular file",
  EFBIG: "file too large",
};

/** What went wrong in the operating system's words ("permission denied"), without paths and without other text. */
export function systemReason(error: unknown): string {
  const own = ownReasons[systemCode(error) ?? ""];
  if (own !== undefined) return own;
  if (error instanceof Error && "errno" in error && typeof error.errno === "number") {
    // Bun's errors of sockets have the number without its sign.
    const reason = error.errno === 0 ? "" : getSystemErrorMessage(-Math.abs(error.errno));
    if (reason) return reason;
  }
  return systemCode(error) ?? "unknown system error";
}
