import { createHash } from "node:crypto";
import { keyPath } from "./key-path.ts";
import type { Finding } from "./rule.ts";

/**
 * What stays the same of a finding when lines move: 64 hexadecimal digits of rule, file and key path, and for the second and later
 * ones of these their number.
 */
export function fingerprints(findings: readonly Finding[]): string[] {
  const seen = new Map<string, number>();
  return findings.map(({ rule, file, path, message }) => {
    const identity = [rule, file, path === undefined ? message : keyPath(path)].join("\n");
    const count = (seen.get(identity) ?? 0) + 1;
    seen.set(identity, count);
    return createHash("sha256").update(`${identity}\n${count}`).digest("hex");
  });
}
