import { printable, printableLine } from "../io/printable.ts";
import { table } from "../people/table.ts";
import type { ExplainedPath } from "./path.ts";
import type { ExplainedRule, ExplainedRules } from "./rules.ts";
import type { Setting } from "./settings.ts";

/** All that is explained about a file. */
export interface Explanation {
  readonly file: string;
  readonly exists: boolean;
  readonly isEncrypted: boolean;
  /** Undefined where there is no configuration. */
  readonly config:
    | { readonly path: string; readonly from: string; readonly note: string | undefined }
    | undefined;
  /** Undefined where the configuration has no creation rules. */
  readonly rules: ExplainedRules | undefined;
  readonly settings: readonly Setting[];
  readonly path: (ExplainedPath & { readonly text: string }) | undefined;
}

const marks: Readonly<Record<ExplainedRule["state"], string>> = {
  "in force": "✓",
  shadowed: "-",
  "no match": "✗",
  broken: "!",
};

/** The explanation for people. */
export function explainText({
  file,
  exists,
  isEncrypted,
  config,
  rules,
  settings,
  path,
}: Explanation): string[] {
  const state = !exists ? "does not exist yet" : isEncrypted ? "encrypted" : "not encrypted";
  const lines: string[] = [`${file}: ${state}`];
  if (path !== undefined)
    lines.push("", `${path.text}: ${verdict[path.isEncrypted]}`, `  ${path.because}`);
  lines.push(
    "",
    `Configuration: ${config === undefined ? "none found here or above" : `${config.path}, ${config.from}`}`,
  );
  if (config?.note !== undefined) lines.push(`  ${config.note}`);
  if (rules !== undefined) {
    const place = rules.isBelow
      ? "its path relative to the directory of the configuration"
      : "its whole path, since it is not below the directory of the configuration";
    lines.push(`Matched text: ${rules.subject} (${place})`, "", "Creation rules, in order:");
    const cells = rules.rules.map((rule) => [
      `  ${marks[rule.state]} line ${rule.source.line}`,
      rule.source.pathRegex === "" ? "(no path_regex)" : rule.source.pathRegex,
      about(rule),
    ]);
    for (const [index, line] of table(cells).entries()) {
      lines.push(line);
      const { hint } = rules.rules[index] ?? {};
      if (hint !== undefined) lines.push(`      ${hint}`);
    }
    if (rules.inForce === undefined)
      lines.push(
        rules.rules.some(({ state: one }) => one === "broken")
          ? "A pattern that does not compile stops every command that reaches it."
          : "No creation rule matches: `sopsmith encrypt` refuses the file.",
      );
  } else if (config !== undefined) lines.push("  It has no creation rules.");
  if (settings.length > 0) {
    lines.push("", "Settings that apply:");
    const cells = settings.map(({ name, value, from }) => [`  ${name}`, `${value}  (${from})`]);
    for (const [index, line] of table(cells).entries()) {
      lines.push(line);
      const { note } = settings[index] ?? {};
      if (note !== undefined) lines.push(`      ${note}`);
    }
  }
  return lines.map((line) => printableLine(line));
}

const verdict: Readonly<Record<ExplainedPath["isEncrypted"], string>> = {
  yes: "encrypted",
  no: "not encrypted",
  some: "encrypted in part",
  unknown: "not known",
};

function about({ state, matched, reaches, problem, source }: ExplainedRule): string {
  switch (state) {
    case "in force":
    case "shadowed": {
      const what =
        source.pathRegex === ""
          ? "matches every file"
          : `matches ${JSON.stringify(matched?.text ?? "")}`;
      return state === "in force" ? `${what}: this rule applies` : `${what} too`;
    }
    case "no match":
      return reaches === ""
        ? "does not match"
        : `does not match: it fails after ${JSON.stringify(reaches)}`;
    case "broken":
      return printable(problem ?? "");
    default:
      return state satisfies never;
  }
}

/** The same for programs. */
export function explainRecord(explanation: Explanation): Readonly<Record<string, unknown>> {
  const { file, exists, isEncrypted, config, rules, settings, path } = explanation;
  return {
    file,
    exists,
    isEncrypted,
    config: config === undefined ? null : { ...config, note: config.note ?? null },
    subject: rules?.subject ?? null,
    rule: rules?.inForce?.line ?? null,
    rules: (rules?.rules ?? []).map(({ source, state, matched, reaches, problem, hint }) => ({
      line: source.line,
      pathRegex: source.pathRegex,
      state,
      matched: matched?.text ?? null,
      reaches: state === "no match" ? reaches : null,
      problem: problem ?? null,
      hint: hint ?? null,
    })),
    settings: settings.map(({ name, value, from, note }) => ({
      name,
      value,
      from,
      note: note ?? null,
    })),
    path:
      path === undefined
        ? null
        : { path: path.text, isEncrypted: path.isEncrypted, because: path.because },
  };
}
