import { SopsmithError } from "../../errors.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../args.ts";
import * as flags from "../flags.ts";
import { keyServices } from "../key-services.ts";
import { sourceOf } from "../source.ts";

const network: flags.BoolFlag = {
  kind: "bool",
  names: ["network"],
  about: "also try keys that need the network: cloud services, Vault, remote key services",
};

/** Something is to be done. Exit 10. */
class Unwell extends SopsmithError {
  constructor(count: number) {
    super("unwell", 10, count === 1 ? "1 problem was found" : `${count} problems were found`);
  }
}

export const doctor: Command = {
  operands: "[file]",
  completes: ["sealed", "none"],
  flags: [network, flags.json, ...flags.keyServices],
  notes: [
    "The first line tells you what to do. The table after it shows what was checked, and marks what works with a tick,",
    "what is wrong with a cross, and what is missing or not needed with a dash. For a file, it also says which of its keys open",
    "it, or why none does, and whether its MAC is right.",
    "The report contains no secrets and shows the home directory as ~, so you can paste it into an issue. Nothing is changed.",
    "A key may ask for its passphrase, as with decrypt. The exit status is 0 when nothing is wrong, 10 when something is.",
  ],
  examples: [
    { does: "check this machine and directory", line: "sopsmith doctor" },
    { does: "find out why a file does not open", line: "sopsmith doctor secrets.yaml" },
    { does: "try cloud keys too", line: "sopsmith doctor --network secrets.yaml" },
  ],
  async run(call) {
    const { options, globals, operands, host, streams } = call;
    const [operand] = operands;
    if (operands.length > 1) throw new UsageError("doctor accepts at most one file");
    const { examine } = await import("../../doctor/examine.ts");
    const { diagnose, reportJson, reportText } = await import("../../doctor/report.ts");
    const source = operand === undefined ? undefined : sourceOf(call, operand);
    const findings = await examine(
      {
        file: source && { shown: source.file, path: source.path },
        config: globals.text(flags.config),
        services: await keyServices(call),
        mayUseNetwork: options.on(network),
      },
      host,
    );
    const diagnosis = diagnose(findings, host);
    await streams.writeStdout([
      options.on(flags.json) ? reportJson(diagnosis) : reportText(diagnosis, streams.colorStdout),
    ]);
    const count = findings.filter(({ state }) => state === "problem").length;
    if (count > 0) throw new Unwell(count);
  },
};
