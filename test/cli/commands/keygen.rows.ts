import { holds, type Row } from "../rows.ts";
import { identities, recipients } from "../samples.ts";

const keyFile =
  /^# created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)\n# public key: age1[0-9a-z]+\nAGE-SECRET-KEY-1[0-9A-Z]+\n$/;
const hybridFile =
  /^# created: .*\n# public key: age1pq1[0-9a-z]+\nAGE-SECRET-KEY-PQ-1[0-9A-Z]+\n$/;
const publicKey = /^Public key: age1[0-9a-z]+\n$/;
export const key = { "key.txt": `# a comment\n${identities.A}\n${identities.B}\n` };
const both = `${recipients.A}\n${recipients.B}\n`;

export const rows: readonly Row[] = [
  { line: "keygen", stdout: keyFile, stderr: publicKey },
  { line: "keygen -pq", stdout: hybridFile, stderr: /^Public key: age1pq1/ },
  { line: "keygen --pq", stdout: hybridFile, stderr: /^Public key: age1pq1/ },
  { line: "keygen -o new.txt", stderr: publicKey, after: holds("new.txt", keyFile) },
  { line: "keygen --output new.txt", stderr: publicKey, after: holds("new.txt", keyFile) },
  { line: "keygen -o key.txt", files: key, code: 1, stderr: /key\.txt.*file exists\n/ },
  { line: "keygen -o no/where", code: 1, stderr: /no\/where/ },
  { line: "keygen -y key.txt", files: key, stdout: both },
  { line: "keygen -y", stdin: key["key.txt"], stdout: both },
  { line: "keygen -y -", stdin: key["key.txt"], stdout: both },
  { line: "keygen -y -o recipients.txt key.txt", files: key, after: holds("recipients.txt", both) },
  {
    line: "keygen --from-ssh",
    stdin:
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@here\n",
    stdout: /^age1[0-9a-z]{58}\n$/,
  },
  {
    line: "keygen -y nofile",
    code: 1,
    stderr: /^failed to open input file "nofile": no such file/,
  },
  { line: "keygen -y plain.yaml", code: 1, stderr: /^failed to parse input: error at line 2/ },
  { line: "keygen -y key.txt key.txt", files: key, code: 1, stderr: /^too many arguments/ },
  { line: "keygen key.txt", files: key, code: 1, stderr: /^too many arguments/ },
  { line: "keygen -y -pq key.txt", files: key, code: 8, stderr: /-pq and -y/ },
  { line: "keygen --default -o x", code: 8, stderr: /--default/ },
  { line: "keygen -z", code: 1, stderr: /^flag provided but not defined: -z\n$/ },
];
