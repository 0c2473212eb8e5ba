import { checkRows } from "../rows.ts";

checkRows([
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
]);
