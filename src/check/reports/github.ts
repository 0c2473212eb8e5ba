import { shortCommit, type Report } from "./report.ts";

/** Workflow commands of GitHub Actions, which show as annotations. */
export const githubReport: Report = function* ({ findings }) {
  for (const { rule, severity, file, line, column, message, commit } of findings) {
    const of = commit === undefined ? "" : ` (commit ${shortCommit(commit)})`;
    const place = `file=${property(file)},line=${line},col=${column},title=${property(rule)}`;
    yield `::${severity} ${place}::${data(`${message}${of}`)}\n`;
  }
};

const data = (text: string): string =>
  text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
