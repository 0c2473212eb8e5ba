import type { Row } from "../rows.ts";
import { recipients } from "../samples.ts";

/** A home without a key, and a directory that is no clone. */
const bare = { SOPS_AGE_KEY: "", XDG_CONFIG_HOME: "" };

export const rows: readonly Row[] = [
  {
    line: "init",
    code: 1,
    stderr: /^init cannot ask questions here: there is no terminal\nUse --yes /,
  },
  {
    line: "init --json",
    code: 8,
    stderr: /"code":"conflicting-parameters".*Use --json with --yes/,
  },
  { line: "init --yes a b", code: 1, stderr: /^init accepts at most one file\n/ },
  {
    line: "init -y --skip none",
    code: 1,
    stderr: /^--skip must be one of key, config, .*, not "none"\n/,
  },
  {
    line: `init --yes --json --name ops --key A --member bob=${recipients.B} --pattern '*.{yaml,json}' plain.yaml`,
    stdout: /^\{"done":\[\{"step":"config",.*\{"step":"file",.*\]\}\n$/,
    after: (box) => {
      const config = box.read(".sops.yaml");
      if (!config.includes(`- &ops ${recipients.A}\n  - &bob ${recipients.B}\n`))
        throw new Error(config);
      if (!box.read("plain.yaml").includes("secret: ENC[")) throw new Error("not encrypted");
    },
  },
  {
    line: "init --yes --skip config --skip file plain.yaml",
    stdout: "Nothing to do: everything is set up.\n",
  },
  {
    line: "init --yes --skip key",
    env: bare,
    code: 1,
    stderr: /^there is no key to encrypt to\nDo not skip the step `key`, or/,
  },
  {
    line: "init --yes --member bob=age1nonsense",
    code: 1,
    stderr: /age1nonsense/,
  },
  {
    line: "init --yes --member bob=AGE-SECRET-KEY-1",
    code: 1,
    stderr: /^this is an identity, the secret half of a key\n/,
  },
  { line: "init --yes --member bob", code: 1, stderr: /^--member must be NAME=KEY, not "bob"\n/ },
  {
    line: "init --yes nodir/secrets.yaml",
    code: 100,
    stderr: /^there is no directory nodir\n/,
  },
];
