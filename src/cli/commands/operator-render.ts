import { sopsSecretOf } from "../../k8s/read.ts";
import type { JsonObject } from "../../k8s/sops-secret.ts";
import { withNamedServersOnly } from "../../keys/vault-transit/servers.ts";
import { render, RenderProblems } from "../../operator/render.ts";
import { UsageError } from "../args.ts";
import type { Command } from "../command.ts";
import * as flags from "../flags.ts";
import { keyServices } from "../key-services.ts";
import { readSopsSecrets, bool, text } from "./k8s-input.ts";
import { yamlOf } from "./k8s.ts";
import {
  configMaps,
  macBudget,
  macPolicy,
  policyOf,
  requireScope,
  requireScopeNamespaces,
} from "./operator-flags.ts";

const output = text("yaml (default) or json", "format", "o");
const redact = bool("print the length of each value instead of the value", "redact");
const namespace = text("namespace for objects that have none", "name", "namespace", "n");
const withOwner = text(
  "uid of the object, to print the owner reference and the label too",
  "uid",
  "with-owner",
);

export const operatorRender: Command = {
  operands: "[file …|-]",
  flags: [
    output,
    redact,
    namespace,
    withOwner,
    macPolicy,
    macBudget,
    requireScope,
    requireScopeNamespaces,
    configMaps,
    ...flags.keyServices,
  ],
  notes: [
    "Prints the Secrets that the operator would make from SopsSecrets in files or in the output of kubectl get -o json. Exits with 1 and the",
    "reasons on stderr if the operator would find a problem.",
  ],
  examples: [
    {
      does: "show what would be made from a file",
      line: "sopsmith operator render --redact db.enc.yaml",
    },
    {
      does: "show what would be made in the cluster",
      line: "kubectl get sops -A -o json | sopsmith operator render -",
    },
  ],
  async run(call) {
    const { options, streams, operands, host } = call;
    const format = options.text(output) || "yaml";
    if (format !== "yaml" && format !== "json") throw new UsageError("-o must be yaml or json");
    const strangers = withNamedServersOnly(host);
    const secrets: JsonObject[] = [];
    const problems: string[] = [];
    const settings = {
      policy: policyOf(options),
      services: await keyServices(call),
      namespace: options.text(namespace),
      redact: options.on(redact),
      ownerUid: options.text(withOwner) || undefined,
    };
    for (const operand of operands.length === 0 ? ["-"] : operands)
      for (const manifest of await readSopsSecrets(call, operand)) {
        const rendered = await render(sopsSecretOf(manifest), settings, strangers);
        for (const one of rendered.secrets) secrets.push(one);
        for (const one of rendered.problems) problems.push(one);
      }
    await streams.writeStdout(
      format === "yaml"
        ? await yamlOf(secrets)
        : secrets.map((secret) => `${JSON.stringify(secret, null, 2)}\n`),
    );
    if (problems.length > 0) throw new RenderProblems(problems);
  },
};
