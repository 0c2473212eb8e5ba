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

Made from \`src/error-codes.ts\` by \`npm run docs\`.

Every error of sopsmith has a code: \`error.code\` of a \`SopsmithError\`, and \`code\` in the output of commands with \`--json\`. Each code has one exit status, that of sops where sops has one. Where a command ends with another status than the library's errors have, the row says so.

## Of the library and the commands

${table(true)}

## Of commands alone

${table(false)}
`;
}
