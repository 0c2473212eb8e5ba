import { SopsmithError } from "../../errors.ts";
import type { Command } from "../command.ts";
import { printableLine } from "../../io/printable.ts";
import * as flags from "../flags.ts";
import { changeGroups, groupFlags } from "../group-change.ts";
import { quoted } from "../source.ts";

export const groupsDelete: Command = {
  operands: "index",
  completes: ["none"],
  flags: groupFlags,
  notes: ["Groups are counted from 0. The data key is split again among the remaining groups."],
  examples: [
    {
      does: "delete the second group",
      line: "sopsmith groups delete -i --file secrets.yaml 1",
    },
  ],
  async run(call) {
    const [word, ...more] = call.operands;
    if (word === undefined || more.length > 0)
      throw new SopsmithError(
        "operands",
        1,
        "error: exactly one positional argument (index) required",
      );
    if (!/^\d+$/.test(word))
      throw new SopsmithError(
        "operands",
        1,
        `failed to parse [index] argument: ${quoted(word)} is not the number of a key group`,
      );
    const index = Number(word);
    await changeGroups(call, ({ keyGroups }, threshold) => {
      const file = printableLine(call.options.text(flags.groupFile));
      if (index >= keyGroups.length)
        throw new SopsmithError(
          "no-such-group",
          2,
          `there is no key group ${word} (${file}): it has ${keyGroups.length}, counted from 0`,
          { file },
        );
      const left = keyGroups.filter((_, i) => i !== index);
      if (left.length < threshold)
        throw new SopsmithError(
          "threshold",
          1,
          `removing this key group will make the Shamir threshold impossible to satisfy: Shamir threshold is ${threshold}, but we only have ${left.length} key groups (${file})`,
          { hint: "Lower it with --shamir-secret-sharing-threshold.", file },
        );
      return left;
    });
  },
};
