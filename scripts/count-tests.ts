// count-tests.ts REPORT STATUS: prints vitest's JSON report as one line "N passed, N failed[, N skipped]". Ends with status 1
// when vitest did, when a test failed or a file could not be loaded, and when no test ran.
import { readFileSync } from "node:fs";

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  success: boolean;
  testResults: { name: string; status: string; message: string; assertionResults: unknown[] }[];
}

const [file = "", status = "1"] = process.argv.slice(2);
const report = JSON.parse(readFileSync(file, "utf8")) as Report;
// A file that does not load has no failed test of its own.
const unloaded = report.testResults.filter(
  (suite) => suite.status === "failed" && suite.assertionResults.length === 0,
);
const passed = report.numPassedTests;
const failed = report.numFailedTests + unloaded.length;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = status === "0" && report.success && failed === 0 && passed > 0 ? 0 : 1;
