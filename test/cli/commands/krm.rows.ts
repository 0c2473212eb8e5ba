import type { Row } from "../rows.ts";

const generator = `apiVersion: goabout.com/v1beta1
kind: SopsSecretGenerator
metadata: {name: g}
disableNameSuffixHash: true
files: [s=sealed.yaml]
`;
const files = { "g.yaml": generator };
const made = /^apiVersion: v1\ndata:\n {2}s: [\w+/=]+\nkind: Secret\nmetadata:\n {2}name: g\n$/;
const up = { "g.yaml": generator.replace("sealed.yaml", "../sealed.yaml") };

export const rows: readonly Row[] = [
  { line: "krm g.yaml", files, stdout: made },
  { line: "krm", stdin: generator, stdout: made },
  { line: "krm --ignore-mac g.yaml", files, stdout: made },
  { line: "krm --decryption-order pgp,age g.yaml", files, stdout: made },
  {
    line: "krm --enable-local-keyservice=false g.yaml",
    files,
    code: 1,
    stderr: /^sealed\.yaml: /,
  },
  { line: "krm --keyservice unix:///nowhere g.yaml", files, stdout: made, stderr: /^$/ },
  { line: "krm --load-restrictor LoadRestrictionsRootOnly g.yaml", files, stdout: made },
  {
    line: "krm g.yaml",
    env: { SOPSMITH_KRM_LOAD_RESTRICTOR: "LoadRestrictionsNone" },
    files: up,
    code: 1,
    stderr: /^\.\.\/sealed\.yaml: there is no such file; paths are relative to /,
  },
  {
    line: "krm g.yaml",
    files: up,
    code: 1,
    stderr: /^\.\.\/sealed\.yaml: the file is outside the kustomization's directory\. Move it /,
  },
  {
    line: "krm --load-restrictor none g.yaml",
    files,
    code: 1,
    stderr: /^--load-restrictor must be LoadRestrictionsRootOnly or LoadRestrictionsNone\n/,
  },
  {
    line: "krm",
    stdin: "a: 1\n",
    code: 1,
    stderr: /^there is no ResourceList on stdin\nkustomize sends one: .*\n$/,
  },
  { line: "krm", stdin: "a: [\n", code: 1, stderr: /^.*stdin.*\n/ },
  { line: "krm a b", code: 1, stderr: /^krm accepts one file, or a ResourceList on stdin\n/ },
  { line: "krm nope.yaml", code: 1, stderr: /^cannot read nope\.yaml: no such file\n$/ },
  {
    line: "krm",
    stdin: JSON.stringify({
      apiVersion: "config.kubernetes.io/v1",
      kind: "ResourceList",
      items: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } }],
    }),
    stdout:
      "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: c\n",
  },
  {
    line: "krm g.yaml",
    files: { "g.yaml": generator.replace("s=sealed.yaml", "a=b=c, =x, a=") },
    code: 1,
    stderr: /^a=b=c: [^\n]*one =\n=x: [^\n]*missing\na=: [^\n]*missing\n$/,
  },
];
