import type { Row } from "../rows.ts";

const config = {
  ".sops.yaml":
    "destination_rules:\n- {path_regex: other, s3_bucket: b, colour: 1}\n- {path_regex: sealed, shape: 2}\n",
};

// Only what a command uses is worth a warning.
export const rows: readonly Row[] = [
  { line: "encrypt --age A plain.env", files: config, stdout: /^A=ENC/ },
  { line: "decrypt sealed.env", files: config, stdout: /^A=1\n/ },
  {
    line: "publish -y sealed.env",
    files: config,
    code: 1,
    stderr:
      /^WARN: \.\/?\.?sops\.yaml line 3: unknown field "shape" in a destination rule is ignored\n(?!.*colour).*no destination configured/s,
  },
];
