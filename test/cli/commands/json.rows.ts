import { expect } from "vitest";
import { holds, type Row } from "../rows.ts";
import { identities, recipients } from "../samples.ts";

/** One line of stderr with exactly these fields; those that are not named are null. */
function problem(expected: Record<string, unknown>): Pick<Row, "code" | "stderr" | "after"> {
  const { exitCode = 1 } = expected;
  return {
    code: Number(exitCode),
    stderr: /^\{.*\}\n$/,
    after: (_, { stderr }) => {
      expect(JSON.parse(stderr)).toEqual({
        exitCode: 1,
        message: expect.stringMatching(/./),
        file: null,
        path: null,
        hint: null,
        ...expected,
      });
    },
  };
}

const someHint = expect.stringMatching(/./);
const identity = /^\{"recipient":"age1\w+","identity":"AGE-SECRET-KEY-1\w+"\}\n$/;

export const rows: readonly Row[] = [
  { line: "filestatus --json sealed.yaml", stdout: `{"file":"sealed.yaml","encrypted":true}\n` },
  { line: "filestatus plain.yaml --json", stdout: `{"file":"plain.yaml","encrypted":false}\n` },
  { line: "filestatus --json=false plain.yaml", stdout: `{"encrypted":false}\n` },
  {
    line: "filestatus --json nofile.yaml",
    ...problem({
      code: "unreadable",
      file: "nofile.yaml",
      message: expect.stringMatching(/^cannot check file status: /),
    }),
  },
  { line: "filestatus --json bad.yaml", ...problem({ code: "parse-error", file: "bad.yaml" }) },
  { line: "filestatus bad.yaml -json", ...problem({ code: "parse-error", file: "bad.yaml" }) },
  { line: "filestatus --json", ...problem({ code: "no-file", exitCode: 100 }) },
  {
    line: "filestatus --jsn sealed.yaml --json",
    ...problem({
      code: "usage",
      message: "flag provided but not defined: -jsn (did you mean --json?)",
    }),
  },
  {
    line: "--config none.yaml filestatus --json sealed.yaml",
    ...problem({ code: "config-error", file: expect.stringMatching(/none\.yaml$/) }),
  },
  {
    line: "filestatus --json sealed.yaml",
    env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "maybe" },
    ...problem({ code: "usage" }),
  },
  { line: "keygen --json", stdout: identity },
  {
    line: "keygen --json -pq",
    stdout: /^\{"recipient":"age1pq1\w+","identity":"AGE-SECRET-KEY-PQ-1\w+"\}\n$/,
  },
  {
    line: "keygen --json -o new.txt",
    stdout: /^\{"recipient":"age1\w+","file":"new\.txt"\}\n$/,
    after: holds("new.txt", /^AGE-SECRET-KEY-1/m),
  },
  {
    line: "keygen --json -o plain.yaml",
    ...problem({ code: "cannot-create-file", file: "plain.yaml", hint: someHint }),
  },
  {
    line: "keygen --json -y -pq",
    ...problem({ code: "conflicting-parameters", exitCode: 8, hint: someHint }),
  },
  {
    line: "keygen --json -y",
    stdin: `${identities.A}\n${identities.B}\n`,
    stdout: `{"recipient":"${recipients.A}"}\n{"recipient":"${recipients.B}"}\n`,
  },
  { line: "keygen --json -y nofile", ...problem({ code: "unreadable-key-file", file: "nofile" }) },
];
