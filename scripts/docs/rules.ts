import { rules } from "../../src/check/rules/index.ts";
import type { Rule } from "../../src/check/rule.ts";

/** The documentation of the rules of `sopsmith check` by file name: a page for each, and `README.md` with the table. */
export function rulePages(): Map<string, string> {
  return new Map([
    ["README.md", tableOfRules()],
    ...rules.map((rule) => [`${rule.id}.md`, pageOf(rule)] as const),
  ]);
}

function tableOfRules(): string {
  const rows = rules.map(({ id, severity, finds }) => [`[${id}](${id}.md)`, severity, finds]);
  return `# Rules of \`sopsmith check\`

No rule needs a key or the network, and no report contains a value. Errors make \`check\` exit with status 10; with \`--strict\`, so do warnings.

${markdownTable([["rule", "level", "finds"], ...rows])}

## Exceptions and policy

The \`check\` section of \`.sops.yaml\` says which findings to ignore, each with a reason, and what else to require. sops ignores this section.

\`\`\`yaml
check:
  ignore:
    - rule: SM301
      path: test/keys/** # below the directory of .sops.yaml; a name without / matches at any depth
      reason: keys for tests, which open nothing else
  min_recipients: 2 # SM203
  required_recipients: [age1…] # SM203
  max_age: 180d # SM204: age of the data key, from Git's history
  windows: true # SM205: patterns must match paths with backslashes
\`\`\`

No comment in a file can turn off a rule: somebody who hides a secret could write one. \`--rules SM1,SM301\` applies only some of the rules.

## What to do

Each finding says what to do, and names the command if there is one. \`check\` itself changes nothing: a fix needs a key, or somebody who knows whether a value is a secret.
`;
}

function pageOf({ id, name, severity, finds, why, fix, example }: Rule): string {
  return `# ${id}: ${name}

${severity === "error" ? "Error" : "Warning"}: ${finds}.

${why.join("\n\n")}

## Found

\`\`\`${example.language}
${example.text}
\`\`\`

## What to do

${fix}

To let it pass for some files, name it under \`check\` in \`.sops.yaml\`, with a reason; see [all rules](README.md).
`;
}

function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
