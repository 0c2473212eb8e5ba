import { execFileSync } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { counterpart } from "../../counterparts.ts";

/** An identity file that real age has protected with a passphrase, armored. */
export function protectedIdentityFile(text: string, passphrase: string): string {
  return execFileSync(counterpart("ageGo"), ["-e", "-a", "-j", "batchpass"], {
    input: text,
    encoding: "utf8",
    env: {
      PATH: [dirname(counterpart("agePluginBatchpass")), process.env["PATH"]].join(delimiter),
      AGE_PASSPHRASE: passphrase,
      AGE_PASSPHRASE_WORK_FACTOR: "12",
    },
  });
}
