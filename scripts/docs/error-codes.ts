import { errorCodes } from "../../src/error-codes.ts";

type Row = (typeof errorCodes)[keyof typeof errorCodes];

/** docs/error-codes.md: every code with its exit status. */
export function errorCodesPage(): string {
  const rows = (inLibrary: boolean) =>
    Object.entries<Row>(errorCodes)
      .filter(([, row]) => row.inLibrary === inLibrary)
      .map(
        ([code, { status, means }]) => `| \`${code}\` | ${status ?? "of the program"} | ${means} |`,
      );
  const table = (inLibrary: boolean) =>
    ["| code | exit status | meaning |", "| --- | --- | --- |", ...rows(inLibrary)].join("\n");
  return `# Error codes

Generated from \`src/error-codes.ts\` by \`npm run docs\`.

Every error of sopsmith has a code: \`error.code\` of a \`SopsmithError\`, and \`code\` in the output of commands with \`--json\`. Each code has one exit status, the one that sops uses where it has one. Where a command exits with a status other than the one of the library's errors, the row says so.

## In the library and in commands

${table(true)}

## In commands only

${table(false)}
`;
}
