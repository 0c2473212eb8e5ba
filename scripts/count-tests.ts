// count-tests.ts STATUS REPORT…: adds up vitest's JSON reports to one line "N passed, N failed[, N skipped]". Ends with status 1
// when STATUS, vitest's own, is not 0, when a test failed or a file could not be loaded, and when a report has no test that ran.
import { readFileSync } from "node:fs";

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  success: boolean;
  testResults: { name: string; status: string; message: string; assertionResults: unknown[] }[];
}

const [status = "1", ...files] = process.argv.slice(2);
const reports = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Report);
const sum = (count: (report: Report) => number): number =>
  reports.reduce((total, report) => total + count(report), 0);
// A file that does not load has no failed test of its own.
const unloaded = sum(
  ({ testResults }) =>
    testResults.filter((suite) => suite.status === "failed" && suite.assertionResults.length === 0)
      .length,
);
const passed = sum((report) => report.numPassedTests);
const failed = sum((report) => report.numFailedTests) + unloaded;
const skipped = sum((report) => report.numPendingTests + report.numTodoTests);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
const isGood = reports.every((report) => report.success && report.numPassedTests > 0);
process.exitCode = status === "0" && reports.length > 0 && isGood && failed === 0 ? 0 : 1;
