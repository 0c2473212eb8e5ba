import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** ssh-keygen, which makes SSH keys in all their forms. */
export const openssh: Counterpart<"sshKeygen"> = {
  names: ["sshKeygen"],
  isReady: (paths) => isExecutable(paths.sshKeygen),
  make() {
    const [sshKeygen = ""] = fromDebian(
      ["openssh-client"],
      ["ssh-keygen"],
      "Install OpenSSH's client, then run again.",
    );
    return { sshKeygen };
  },
};
