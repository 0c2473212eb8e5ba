import { decrypts, holds, type Row } from "./rows.ts";
import { yamlText } from "./samples.ts";

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: db
stringData:
  password: hunter2
`;
const unsealed = `apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata:
  name: db
spec:
  secretTemplates:
    - name: db
      stringData:
        password: hunter2
`;
const manifests = { "secret.yaml": secret, "unsealed.yaml": unsealed };
const outside = /Run this in a clone of a Git repository\.\n$/;

const unchanged = {
  env: { EDITOR: "true" },
  code: 200,
  stderr: /^File has not changed, exiting\.\n$/,
};

/** The smallest use of each command that has a test of its own elsewhere, and of flags in front of a command. */
export const rows: readonly Row[] = [
  { line: "get sealed.yaml secret", stdout: "hello" },
  { line: "check sealed.yaml", stderr: /^0 errors, 0 warnings in 1 file\n$/ },
  { line: "diff sealed.yaml other.yaml", code: 1, stderr: outside },
  { line: "mergetool", code: 1, stderr: outside },
  { line: "git merge base", code: 100, stderr: /^Error: .*base ours theirs marker-size path\n/ },
  { line: "operator render", code: 1, stderr: /^there is no SopsSecret in stdin\n/ },
  { line: "operator --nope", code: 1, stderr: /^flag provided but not defined: -nope/ },
  { line: "k8s crd", stdout: /kind: CustomResourceDefinition/ },
  {
    line: "k8s encrypt --age A --namespace shop secret.yaml",
    files: manifests,
    stdout: /kind: SopsSecret/,
  },
  { line: "k8s decrypt secret.yaml", files: manifests, code: 1, stderr: /secret\.yaml/ },
  { line: "k8s check unsealed.yaml", files: manifests, code: 10, stderr: /unsealed\.yaml/ },
  { line: "k8s fix unsealed.yaml", files: manifests, code: 1, stderr: /unsealed\.yaml/ },
  { line: "k8s migrate unsealed.yaml", files: manifests, stdout: /sopsmith|SopsSecret/ },
  // several files, folders, and ways to name a value
  {
    line: "encrypt --recursive --age A -i plain.yaml",
    stderr: /^1 file encrypted\n$/,
    after: holds("plain.yaml", /^secret: ENC/m),
  },
  { line: "decrypt --dotted --extract secret sealed.yaml", stdout: "hello" },
  { line: "decrypt --ignore-mac sealed.yaml", stdout: yamlText },
  { line: "edit -s sealed.yaml", ...unchanged },
  {
    line: "set --string sealed.yaml '[\"secret\"]' 5",
    after: decrypts("sealed.yaml", /^secret: "5"$/m),
  },
  { line: "set --dotted sealed.yaml secret 5", after: decrypts("sealed.yaml", /^secret: 5$/m) },
  {
    line: "set --recursive sealed.yaml '[\"secret\"]' 5",
    stderr: /^1 file changed\n$/,
    after: decrypts("sealed.yaml", /^secret: 5$/m),
  },
  { line: "unset --dotted sealed.yaml secret", after: decrypts("sealed.yaml", /^(?!secret)/) },
  {
    line: "rotate --recursive -i sealed.yaml",
    stderr: /^1 file rotated\n$/,
    after: decrypts("sealed.yaml", yamlText),
  },
  {
    line: "rotate --output-dir out sealed.yaml",
    stderr: /^1 file rotated\n$/,
    after: holds("out/sealed.yaml", /^sops:$/m),
  },
  { line: "filestatus --recursive sealed.yaml", stdout: /"encrypted":true/ },
  { line: "git install --hook", code: 1, stderr: outside },
  { line: "git install --check", code: 1, stderr: outside },
  ...["--decryption-order age", "--enable-local-keyservice", "--keyservice unix:///none.sock"].map(
    (flag): Row => ({
      line: `git merge ${flag}`,
      code: 100,
      stderr: /^Error: needs 5 operands: base/,
    }),
  ),
  {
    line: "keygen --no-atomic -o new.txt",
    stderr: /age1/,
    after: holds("new.txt", /AGE-SECRET-KEY-/),
  },
  // in front of a command
  { line: "--in-place -d sealed.yaml", after: holds("sealed.yaml", yamlText) },
  { line: "--encrypted-regex ^secret$ --age A -e plain.yaml", stdout: /secret: ENC/ },
  { line: "--show-master-keys sealed.yaml", ...unchanged },
  { line: "--ignore-mac -d sealed.yaml", stdout: yamlText },
  { line: "--keyservice unix:///none.sock -d sealed.yaml", stdout: yamlText },
];
