import { jsonLine } from "../../io/printable.ts";
import { pathText } from "../../tree/path.ts";
import { helpUri } from "../help-uri.ts";
import type { Report } from "./report.ts";

/** For programs: one object on each line. */
export const jsonReport: Report = function* ({ findings }) {
  for (const { file, line, column, path, rule, severity, message, fix, commit } of findings) {
    const place = path === undefined ? null : pathText(path);
    const found = { rule, severity, file, line, column, path: place, message, fix };
    const of = commit === undefined ? {} : { commit };
    yield jsonLine({ ...found, helpUri: helpUri(rule), ...of });
  }
};
