import { loadFormat } from "../../../formats/index.ts";
import { SopsmithError } from "../../errors.ts";
import { checkSopsSecret } from "../../k8s/check.ts";
import { customResourceDefinition } from "../../k8s/crd.ts";
import { documentsFromPlain, type PlainObject } from "../../tree/plain.ts";
import { UsageError } from "../args.ts";
import type { Command } from "../command.ts";
import { printable } from "../../io/printable.ts";
import { isSopsSecret } from "../../k8s/read.ts";
import { bool, nameOf, noSopsSecret, readManifestFile, text } from "./k8s-input.ts";

const strict = bool("exit with status 10 for warnings too", "strict");

export const k8sCheck: Command = {
  operands: "file …",
  flags: [strict],
  notes: [
    "Finds in SopsSecret manifests, without a key, what the API server or the operator would refuse (error), and what they",
    "accept although it weakens the check of the MAC (warning). Exits with status 10 when there is an error. It is rule SM401 of sopsmith check.",
  ],
  examples: [{ does: "check before a commit", line: "sopsmith k8s check --strict *.enc.yaml" }],
  async run(call) {
    if (call.operands.length === 0) throw new UsageError("k8s check needs a file, or - for stdin");
    let [errors, warnings] = [0, 0];
    for (const operand of call.operands) {
      const manifests = await readManifestFile(call, operand);
      if (!manifests.some(isSopsSecret)) throw noSopsSecret(operand);
      const documents = manifests.length;
      for (const manifest of manifests.filter(isSopsSecret))
        for (const { level, message, line } of checkSopsSecret(manifest, documents)) {
          if (level === "error") errors += 1;
          else warnings += 1;
          call.streams.writeStderr(
            `${printable(`${nameOf(operand)}:${line}: ${level}: ${message}`)}\n`,
          );
        }
    }
    if (errors > 0 || (warnings > 0 && call.options.on(strict)))
      throw new SopsmithError("check-failed", 10, `${errors} errors, ${warnings} warnings`);
  },
};

const json = text("yaml (default) or json", "format", "o");

export const k8sCrd: Command = {
  operands: "",
  flags: [json],
  notes: ["Install it with: sopsmith k8s crd | kubectl apply --server-side --force-conflicts -f -"],
  examples: [{ does: "print the CRD", line: "sopsmith k8s crd" }],
  async run({ options, streams }) {
    const crd = customResourceDefinition() as PlainObject;
    const format = options.text(json) || "yaml";
    if (format === "json") return streams.writeStdout([`${JSON.stringify(crd, null, 2)}\n`]);
    if (format !== "yaml") throw new UsageError("-o must be yaml or json");
    const { emit } = await loadFormat("yaml");
    return streams.writeStdout(emit(documentsFromPlain(crd), { sealed: false, indent: 2 }));
  },
};
