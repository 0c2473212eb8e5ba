import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { Host } from "../io/host.ts";
import { jsonLine, printableLine } from "../io/printable.ts";
import type { Finding } from "./finding.ts";

/** What the report says, fit to be shown to strangers. */
export interface Diagnosis {
  /** The one thing to do. */
  readonly first: string;
  readonly isWell: boolean;
  readonly findings: readonly Finding[];
}

/**
 * Names the one thing to do, and makes every text fit to be pasted into an issue: the home directory becomes `~`, and what
 * looks like a secret is taken out.
 */
export function diagnose(findings: readonly Finding[], host: Host): Diagnosis {
  const redact = redaction(host);
  const shown = findings.map((finding) => ({
    ...finding,
    text: redact(finding.text),
    ...(finding.todo === undefined ? {} : { todo: redact(finding.todo) }),
  }));
  const problems = shown
    .filter(({ state }) => state === "problem")
    .toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  const [worst] = problems;
  const open = shown.find(({ state, todo }) => state === "unused" && todo !== undefined);
  return {
    first: worst?.todo ?? open?.todo ?? "Nothing to do: everything that was checked works.",
    isWell: worst === undefined,
    findings: shown,
  };
}

function redaction({ env, accountHome }: Host): (text: string) => string {
  const named = [env["HOME"], env["USERPROFILE"], accountHome()];
  const homes = new Set<string>();
  for (const home of named) {
    if (home === undefined || dirname(home) === home || home === "") continue;
    homes.add(home.replace(/[\\/]+$/, ""));
    try {
      homes.add(realpathSync(home));
    } catch {
      // A home directory that is not there.
    }
  }
  // The longest first: one may lie in another.
  const byLength = [...homes].toSorted((a, b) => b.length - a.length);
  return (text) => {
    let out = text
      .replaceAll(/(?:AGE-SECRET-KEY-|age-secret-key-|AGE-PLUGIN-)[^\s"'`]+/g, "(an identity)")
      .replaceAll(/(\w+:\/\/)[^\s/@]+@/g, "$1");
    for (const home of byLength) out = withTilde(out, home);
    return printableLine(out);
  };
}

function withTilde(text: string, home: string): string {
  const escaped = home.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return text.replaceAll(new RegExp(String.raw`${escaped}(?![\w.-])`, "g"), "~");
}

const marks = { ok: ["✓", 32], problem: ["✗", 31], unused: ["–", 2] } as const;

/** The report as people read it: the one thing to do, then the table. */
export function reportText({ first, findings }: Diagnosis, isStyled: boolean): string {
  const width = findings.reduce((most, { name }) => Math.max(most, name.length), 0);
  const rows = findings.map(({ name, state, text }) => {
    const [mark, color] = marks[state];
    const shown = isStyled ? `\u001b[${color}m${mark}\u001b[0m` : mark;
    return `${shown} ${name.padEnd(width)}  ${text}`;
  });
  return `${first}\n\n${rows.join("\n")}\n`;
}

/** The same on one line of JSON. */
export function reportJson({ first, isWell, findings }: Diagnosis): string {
  const rows = findings.map(({ name, state, text, todo = null }) => ({ name, state, text, todo }));
  return jsonLine({ todo: isWell ? null : first, well: isWell, checks: rows });
}
