import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { holds, type Row } from "../rows.ts";

const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
const hcl = `resource "kubernetes_manifest" "configmap_a" {
  manifest = {
    "apiVersion" = "v1"
    "kind" = "ConfigMap"
    "metadata" = {
      "name" = "a"
    }
  }
}
`;
const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

export const rows: readonly Row[] = [
  { line: "terraform", stdin: manifest, stdout: hcl },
  { line: "terraform", stdin: "", stdout: "" },
  { line: "terraform -f -", stdin: manifest, stdout: hcl },
  { line: "terraform --file m.yaml", files: { "m.yaml": manifest }, stdout: hcl },
  { line: "terraform m.yaml", files: { "m.yaml": manifest }, stdout: hcl },
  {
    line: "terraform -f m.yaml -f m.yaml",
    files: { "m.yaml": manifest },
    stdout: `${hcl}\n${hcl.replace("configmap_a", "configmap_a_2")}`,
    stderr: /^m\.yaml:1: document 1: note: the name configmap_a is taken; using configmap_a_2\n$/,
  },
  {
    line: "terraform -o out.tf m.yaml",
    files: { "m.yaml": manifest },
    after: holds("out.tf", hcl),
  },
  {
    line: "terraform -o tf/ m.yaml",
    files: { "m.yaml": manifest },
    after: (box) => expect(readFileSync(join(box.path("tf"), "configmap_a.tf"), "utf8")).toBe(hcl),
  },
  {
    line: "terraform --check -o out.tf m.yaml",
    files: { "m.yaml": manifest, "out.tf": hcl },
  },
  {
    line: "terraform --check -o out.tf m.yaml",
    files: { "m.yaml": manifest, "out.tf": "old\n" },
    code: 1,
    stderr: /^out\.tf is out of date: run the same command without --check\n$/,
  },
  {
    line: "terraform --check",
    code: 2,
    stderr: /^--check compares the output with a file.*\n.*\n$/,
  },
  { line: "terraform -M -Q", stdin: manifest, stdout: /^\{\n {2}apiVersion = "v1"\n/ },
  {
    line: "terraform -p kubernetes.eu",
    stdin: manifest,
    stdout: /\n {2}provider = kubernetes\.eu\n\n/,
  },
  { line: "terraform -s", stdin: `${manifest}status: {a: 1}\n`, stdout: hcl },
  { line: "terraform -V", stdout: /^sopsmith \d+\.\d+\.\d+\n$/ },
  { line: "terraform --reverse", stdin: hcl, stdout: yaml },
  {
    line: "terraform missing.yaml",
    code: 1,
    stderr: /^cannot read missing\.yaml: no such file\n$/,
  },
  {
    line: "terraform",
    stdin: `${manifest}---\n- secret-text\n`,
    code: 1,
    stderr: /^stdin:5: document 2: a manifest must be a map, but this document is a list\n$/,
  },
  {
    line: "terraform -o out.tf",
    stdin: "kind: A\n",
    code: 1,
    stderr: /^stdin:1: document 1: metadata is missing\n$/,
  },
  {
    line: "terraform --strpi",
    code: 2,
    stderr:
      /^flag provided but not defined: -strpi.*\nsopsmith help terraform shows all options\.\n$/,
  },
  {
    line: "terraform --as other",
    code: 2,
    stderr: /^--as must be one of manifest, kubectl, secret\n/,
  },
  { line: "terraform --wait soon", code: 2, stderr: /^--wait must be rollout/ },
  {
    line: "terraform --wait rollout --wait condition=Ready",
    code: 2,
    stderr: /^--wait accepts only one kind of waiter/,
  },
  { line: "terraform --timeouts soon", code: 2, stderr: /^--timeouts must be create=TIME/ },
  {
    line: "terraform --as kubectl --wait rollout",
    code: 2,
    stderr: /need --as manifest/,
  },
  { line: "terraform -o tf/ -M", stdin: manifest, code: 2, stderr: /^-o tf\/ needs resources/ },
  {
    line: "terraform --secrets data",
    stdin: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nsops: {mac: x}\n",
    code: 1,
    stderr: /^--secrets needs a file/,
  },
  {
    line: "terraform --fail-on-plaintext",
    stdin: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: hunter2}\n",
    code: 1,
    stderr:
      /^warning: secret_a contains unencrypted values\nstdin:1: document 1: secret_a contains unencrypted values.*\n$/,
  },
];
