import type { Row } from "../rows.ts";

const dead = "--keyservice unix:///none.sock";

export const rows: readonly Row[] = [
  {
    line: "doctor sealed.yaml",
    env: { EDITOR: "cat" },
    stdout: /^Nothing to do: .*\n\n✓ file +sealed\.yaml opens; .*\n/,
  },
  {
    line: "doctor --json --network plain.yaml",
    code: 10,
    env: { EDITOR: "cat" },
    stdout: /^\{"todo":"Encrypt plain\.yaml .*\}\n$/,
    stderr: /^\{"code":"unwell","exitCode":10,.*\}\n$/,
  },
  {
    line: `doctor --enable-local-keyservice=false ${dead} sealed.yaml`,
    code: 10,
    env: { EDITOR: "cat" },
    stdout: /^To open sealed\.yaml, /,
    stderr: /^1 problem was found\n$/,
  },
  { line: "doctor a b", code: 1, stderr: /^doctor accepts at most one file\n/ },
];
