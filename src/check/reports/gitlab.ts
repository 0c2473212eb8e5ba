import { fingerprints } from "../fingerprint.ts";
import type { Report } from "./report.ts";

/** GitLab's code quality report. */
export const gitlabReport: Report = ({ findings }) => {
  const prints = fingerprints(findings);
  const entries = findings.map(({ rule, severity, file, line, message }, index) => ({
    description: message,
    check_name: rule,
    fingerprint: prints[index],
    severity: severity === "error" ? "critical" : "minor",
    location: { path: file, lines: { begin: line } },
  }));
  return [`${JSON.stringify(entries, null, 2)}\n`];
};
