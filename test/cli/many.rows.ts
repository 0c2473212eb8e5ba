import { existsSync } from "node:fs";
import { expect } from "vitest";
import { decrypts, holds, type Row } from "./rows.ts";
import { identities, sealed, yamlText } from "./samples.ts";

const hello = /hello/;
export const cipher = /ENC\[AES256_GCM/;

export const rows: readonly Row[] = [
  {
    line: "encrypt -i --age A plain.yaml plain.json plain.bin",
    stderr: /^3 files encrypted\n$/,
    after: async (box) => {
      await decrypts("plain.yaml", yamlText)(box);
      await decrypts("plain.json", hello)(box);
      holds("plain.bin", cipher)(box);
    },
  },
  {
    line: "encrypt --age A plain.yaml plain.json",
    code: 8,
    stderr: /^Error: cannot write 2 files to stdout\nUse --in-place, or --output-dir/,
  },
  {
    line: "encrypt --age A --output o plain.yaml plain.json",
    code: 8,
    stderr: /^Error: cannot write 2 files to one --output file\n/,
  },
  {
    line: "encrypt --age A -i --output-dir o plain.yaml",
    code: 8,
    stderr: /^Error: cannot operate on both --output-dir and --in-place\n/,
  },
  {
    line: "decrypt --output o --output-dir o sealed.yaml",
    code: 8,
    stderr: /^Error: cannot operate on both --output-dir and --output\n/,
  },
  { line: "decrypt --output-dir o", code: 100, stderr: /^Error: no file specified\n/ },
  { line: "decrypt --recursive", code: 100, stderr: /^Error: no file specified\n/ },
  {
    line: "decrypt --output-dir . sealed.yaml",
    code: 8,
    stderr: /^Error: sealed\.yaml would replace sealed\.yaml, which is an input\n/,
  },
  { line: "decrypt 'sealed.y*ml'", stdout: yamlText },
  {
    line: "decrypt 'nothing*.yaml'",
    code: 100,
    stderr: /^Error: cannot operate on non-existent file ".*nothing\*\.yaml"\n/,
  },
  {
    line: "decrypt 's[1].yaml'",
    files: { "s[1].yaml": sealed["sealed.yaml"] ?? "" },
    stdout: yamlText,
  },
  {
    line: "decrypt -i 'sealed.{yaml,json}'",
    stderr: /^2 files decrypted\n$/,
    after: holds("sealed.json", hello),
  },
  {
    // The others are done; the failures agree, so theirs is the status.
    line: "decrypt -i sealed.yaml gone.yaml sealed.json gone.json",
    code: 100,
    stderr:
      /^ERROR: cannot operate on non-existent file "[^"]*gone\.yaml"\nERROR: .*gone\.json"\n2 of 4 files decrypted, 2 failed\n$/,
    after: (box) => {
      holds("sealed.yaml", yamlText)(box);
      holds("sealed.json", hello)(box);
    },
  },
  {
    line: "decrypt -i gone.yaml bad.yaml sealed.json",
    code: 1,
    stderr:
      /ERROR: .*gone\.yaml.*\nERROR: .*bad\.yaml.*\n(.*\n)?1 of 3 files decrypted, 2 failed\n$/,
    after: holds("sealed.json", hello),
  },
  {
    line: "decrypt -i --all-or-nothing sealed.yaml gone.yaml sealed.json",
    code: 100,
    stderr: /1 of 3 files failed; none was decrypted \(--all-or-nothing\)\n$/,
  },
  {
    line: "decrypt --all-or-nothing --output-dir o/p sealed.yaml gone.yaml",
    code: 100,
    stderr: /1 of 2 files failed/,
  },
  {
    line: "decrypt -i --all-or-nothing sealed.yaml sealed.json",
    stderr: /^2 files decrypted\n$/,
    after: holds("sealed.json", hello),
  },
  {
    line: "decrypt -i sealed.yaml sealed.json",
    env: { SOPS_AGE_KEY: identities.B },
    code: 128,
    // The long report is given once.
    stderr:
      /^ERROR: sealed\.yaml: Failed to get the data key[^]*ERROR: sealed\.json: Failed to get the data key[^\n]* As for sealed\.yaml\.\n0 of 2 files decrypted, 2 failed\n$/,
  },
  {
    line: "decrypt --extract '[\"secret\"]' --output-dir o sealed.yaml sealed.json",
    stderr: /^2 files decrypted\n$/,
    after: (box) => {
      expect(box.read("o/sealed.yaml")).toBe("hello");
      expect(box.read("o/sealed.json")).toBe("hello");
    },
  },
  {
    line: "decrypt --extract x --output-dir o sealed.yaml",
    code: 91,
    stderr: /^error parsing --ex/,
  },
  {
    line: "rotate -i --add-age B sealed.yaml sealed.json",
    stderr: /^2 files rotated\n$/,
    after: async (box) => {
      await decrypts("sealed.yaml", yamlText, "B")(box);
      await decrypts("sealed.json", hello, "B")(box);
    },
  },
  {
    line: "rotate sealed.yaml sealed.json",
    code: 8,
    stderr: /^Error: cannot write 2 files to stdout\n/,
  },
  {
    line: "rotate -i --add-age B sealed.yaml gone.yaml",
    code: 49,
    stderr: /ERROR: cannot add or remove keys on non-existent file ".*gone\.yaml"/,
    after: decrypts("sealed.yaml", yamlText, "B"),
  },
  {
    line: "set --file sealed.json --file sealed.yaml sealed.yaml '[\"secret\"]' '{\"n\": 1}'",
    stderr: /^2 files changed\n$/,
    after: async (box) => {
      await decrypts("sealed.yaml", /secret:\n {4}"?n"?: 1\n/)(box);
      await decrypts("sealed.json", /"secret": \{\s*"n": 1/)(box);
    },
  },
  {
    line: "set --idempotent --file sealed.json sealed.yaml '[\"secret\"]' '\"hello\"'",
    stderr: /^0 of 2 files changed, 2 unchanged\n$/,
  },
  {
    line: "set --file sealed.json sealed.yaml '[\"x\"]'",
    code: 100,
    stderr: /^Error: no file specified, or index and value are missing/,
  },
  {
    line: "set --file sealed.json sealed.yaml '[\"x\"]' nonsense",
    code: 7,
    stderr: /^Value for --set is not valid JSON\n/,
  },
  {
    line: "filestatus sealed.ini plain.json",
    stdout: `{"file":"sealed.ini","encrypted":true}\n{"file":"plain.json","encrypted":false}\n`,
  },
  {
    line: "filestatus sealed.ini gone.json",
    code: 1,
    stdout: `{"file":"sealed.ini","encrypted":true}\n`,
    stderr: /ERROR: cannot check file status.*gone\.json: .*\n1 of 2 files checked, 1 failed\n$/,
  },
  {
    line: "filestatus --json sealed.ini gone.json",
    code: 1,
    stdout: `{"file":"sealed.ini","encrypted":true}\n`,
    stderr:
      /^\{"code":"unreadable","exitCode":1,.*"file":"gone\.json",.*\}\n\{"code":"several-failed","exitCode":1,.*\}\n$/,
  },
  { line: "filestatus --check sealed.yaml", stdout: `{"encrypted":true}\n` },
  {
    line: "filestatus --check plain.yaml",
    code: 10,
    stdout: `{"encrypted":false}\n`,
    stderr: /^plain\.yaml is not encrypted\nEncrypt with /,
  },
  {
    // No JSON, so certainly no encrypted binary file.
    line: "filestatus --check sealed.bin plain.bin",
    code: 10,
    stdout: /^\{"file":"sealed\.bin","encrypted":true\}\n.*false\}\n$/,
    stderr: /^plain\.bin is not encrypted\n/,
  },
  {
    line: "decrypt . --output-dir o",
    code: 2,
    stderr: /ERROR: Error reading file: \.: is a directory\nUse --recursive to include/,
    after: (box) => expect(existsSync(box.path("o"))).toBe(false),
  },
];
