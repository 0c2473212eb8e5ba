import { SopsmithError } from "../../errors.ts";
import type { KeyGroup } from "../../keys/provider.ts";
import type { Command } from "../command.ts";
import * as flags from "../flags.ts";
import { changeGroups, groupFlags } from "../group-change.ts";
import { keyFlags, keysNamed } from "../key-flags.ts";

export const groupsAdd: Command = {
  operands: "",
  completes: ["none"],
  flags: [
    ...groupFlags,
    ...keyFlags.map(({ group }) => group),
    flags.awsProfile,
    flags.encryptionContext,
  ],
  notes: [
    "The data key is split again among all groups. --shamir-secret-sharing-threshold says how many of them are needed",
    "to open the file; by default as many as before, or both if the file had one group. Any key of a group opens that group.",
  ],
  examples: [
    {
      does: "require two people to open the file from now on",
      line: "sopsmith groups add -i --file secrets.yaml --age age1…",
    },
  ],
  async run(call) {
    if (call.operands.length > 0)
      throw new SopsmithError("operands", 1, "error: no positional arguments allowed", {
        hint: "Name the file with --file.",
      });
    const group: KeyGroup = [];
    for (const { provider, group: flag } of keyFlags)
      for (const text of call.options.list(flag))
        for (const one of await keysNamed(call, provider, text)) group.push(one);
    if (group.length === 0)
      throw new SopsmithError("no-keys", 1, "error: the new key group needs a key", {
        hint: "Name one with --age, --pgp, --kms or another of the key flags.",
      });
    await changeGroups(call, ({ keyGroups }) => [...keyGroups, group]);
  },
};
