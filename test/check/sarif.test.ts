import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { reports } from "../../src/check/reports/index.ts";
import type { Finding } from "../../src/check/rule.ts";
import { rules } from "../../src/check/rules/index.ts";
import { counterpart } from "../counterparts.ts";

const program = `
import json, sys
from jsonschema import Draft4Validator, FormatChecker
schema = json.load(open(sys.argv[1]))
errors = Draft4Validator(schema, format_checker=FormatChecker()).iter_errors(json.load(sys.stdin))
for error in errors: print("/".join(map(str, error.absolute_path)), error.message[:200])
`;

/** What the published schema has against a report. */
function problems(report: string): string {
  const { status, stdout, stderr } = spawnSync(
    counterpart("sarifPython"),
    ["-c", program, counterpart("sarifSchema")],
    { input: report, encoding: "utf8" },
  );
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

const at = { line: 3, column: 7, severity: "error", fix: "Do this." } as const;
const findings: readonly Finding[] = [
  ...rules.map(({ id }): Finding => ({ ...at, rule: id, file: "a.yaml", message: `of ${id}` })),
  {
    ...at,
    rule: "SM102",
    file: "a b/ü%?#:\\\u0001\ud800.yaml",
    message: "\ud800 \u0000",
    path: ["a", 0, "b c", "__proto__"],
  },
  {
    ...at,
    rule: "SM102",
    file: "./x:y.yaml",
    message: "with a commit",
    commit: "a".repeat(40),
    line: 1,
    column: 1,
    path: [],
  },
];
const sarif = (found: readonly Finding[]): string =>
  [...(reports.get("sarif")?.({ findings: found, files: 2, version: "1.2.3" }) ?? [])].join("");

test("SARIF is valid by its published schema, for every rule and for hostile names", () => {
  expect(problems(sarif([]))).toBe("");
  expect(problems(sarif(findings))).toBe("");
  // The validator finds what is wrong.
  expect(problems(sarif(findings).replace('"level": "error"', '"level": "fatal"'))).toContain(
    "fatal",
  );
  expect(problems(sarif(findings).replace('"startLine": 3', '"startLine": 0'))).toContain(
    "minimum",
  );
});
