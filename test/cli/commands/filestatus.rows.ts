import { sealed } from "../samples.ts";
import type { Row } from "../rows.ts";

/** Its PGP key has been there for years. */
const old = {
  "old.yaml": (sealed["sealed.yaml"] ?? "").replace(
    "    age:\n",
    `    pgp:\n        - created_at: "2020-02-03T04:05:06Z"\n          enc: x\n          fp: AB\n    age:\n`,
  ),
};
export const rows: readonly Row[] = [
  { line: "filestatus sealed.yaml", stdout: `{"encrypted":true}\n` },
  { line: "filestatus sealed.env", stdout: `{"encrypted":true}\n`, env: { SOPS_AGE_KEY: "" } },
  { line: "filestatus plain.yaml", stdout: `{"encrypted":false}\n` },
  {
    line: "filestatus --input-type yaml plain.bin",
    code: 1,
    stderr: /^cannot check file status: cannot load encrypted file: /,
  },
  { line: "filestatus --input-type yaml sealed.yaml", stdout: `{"encrypted":true}\n` },
  {
    line: "filestatus nofile.yaml",
    code: 1,
    stderr: /^cannot check file status: cannot load encrypted file: .*nofile\.yaml/,
  },
  {
    line: "filestatus bad.yaml",
    code: 1,
    stderr: /^cannot check file status: cannot load encrypted file: .*bad\.yaml/,
  },
  { line: "filestatus", code: 100, stderr: /^Error: no file specified\n/ },
  // Keys that are due for rotation are told in JSON only.
  {
    line: "filestatus old.yaml",
    files: old,
    env: { SOPS_AGE_KEY: "" },
    stdout: `{"encrypted":true}\n`,
  },
  {
    line: "filestatus sealed.yaml old.yaml",
    files: old,
    stdout: `{"file":"sealed.yaml","encrypted":true}\n{"file":"old.yaml","encrypted":true}\n`,
  },
  {
    line: "filestatus --json old.yaml plain.yaml",
    files: old,
    stdout: `{"file":"old.yaml","encrypted":true,"rotationDue":[{"key":"AB","since":"2020-02-03T04:05:06Z"}]}\n{"file":"plain.yaml","encrypted":false}\n`,
  },
];
