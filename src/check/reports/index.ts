import { githubReport } from "./github.ts";
import { gitlabReport } from "./gitlab.ts";
import { jsonReport } from "./json.ts";
import { sarifReport } from "./sarif.ts";
import type { Report } from "./report.ts";
import { textReport } from "./text.ts";

/** The registry of reports, by the word for `--format`. */
export const reports: ReadonlyMap<string, Report> = new Map([
  ["text", textReport],
  ["json", jsonReport],
  ["sarif", sarifReport],
  ["github", githubReport],
  ["gitlab", gitlabReport],
]);
