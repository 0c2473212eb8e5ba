import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Another program to test than the npm build: the standalone executable, in the second run of the tests. */
const executable = process.env["SOPSMITH_TEST_PROGRAM"];

/** The command of the npm build. */
export const npmProgram = fileURLToPath(new URL("../../dist/bin/sopsmith.js", import.meta.url));

/** The program that tests of the command line run, and the words in front of its own. */
export const programUnderTest: readonly [program: string, ...words: string[]] =
  executable === undefined ? [process.execPath, npmProgram] : [resolve(executable)];

/** The same for a line of shell. */
export const shellProgram = programUnderTest.map((word) => `'${word}'`).join(" ");

/** Tests that call code in process do so only for the npm build: an executable is run. */
export const isExecutable = executable !== undefined;
