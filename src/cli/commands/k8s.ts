import { resolve } from "node:path";
import { loadFormat } from "../../../formats/index.ts";
import { sealNew } from "../../encrypt.ts";
import { ConflictError } from "../../errors.ts";
import { secretOfHelmValues, sopsSecretFrom, type ScopeMode } from "../../k8s/from-secrets.ts";
import { sopsSecretOf, type Manifest } from "../../k8s/read.ts";
import { isObject, plainObject, type JsonObject } from "../../k8s/sops-secret.ts";
import { render, RenderProblems } from "../../operator/render.ts";
import type { Selector } from "../../metadata/selection.ts";
import { documentsFromPlain } from "../../tree/plain.ts";
import { UsageError } from "../args.ts";
import type { Chunks, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { keyFlags } from "../key-flags.ts";
import { keyServices } from "../key-services.ts";
import { sealSettings } from "../seal-settings.ts";
import { sourceOf } from "../source.ts";
import { openStores } from "../formats.ts";
import { warn } from "../warn.ts";
import {
  bool,
  nameOf as fileName,
  readInput,
  readManifestFile,
  readSopsSecrets,
  text,
} from "./k8s-input.ts";
import { printable } from "../../io/printable.ts";

const name = text(
  "name of the SopsSecret; default: the name of the first manifest",
  "name",
  "name",
);
const namespace = text(
  "namespace; default: the namespace of the manifests",
  "name",
  "namespace",
  "n",
);
const helmValues = text(
  "the file contains the values of a Helm chart: make a Secret with this name from it, which a Flux HelmRelease can read",
  "name",
  "helm-values",
);
const scope = text(
  "bind the object to its place: strict (namespace and name; the default if the namespace is known), namespace or none",
  "how",
  "scope",
);
const out = text("write to this file instead of stdout", "path", "out", "o");

/** What is encrypted in a SopsSecret: Kubernetes reads the rest. */
const templates: Selector = { name: "encrypted_suffix", value: "Templates" };

export const k8sEncrypt: Command = {
  operands: "secret.yaml …",
  flags: [
    name,
    namespace,
    scope,
    out,
    helmValues,
    ...keyFlags.map(({ to }) => to),
    flags.awsProfile,
    flags.encryptionContext,
    flags.encryptedRegex,
    flags.threshold,
    ...flags.keyServices,
  ],
  notes: [
    "Makes one encrypted SopsSecret from plain manifests of Secrets and ConfigMaps, with its keys in the order that lets the operator",
    "check the MAC.",
    "The keys come from the flags, or from the creation rule in .sops.yaml that matches --out or, without it, the first file.",
  ],
  examples: [
    {
      does: "encrypt a Secret for the namespace shop",
      line: "sopsmith k8s encrypt --namespace shop --out db.enc.yaml db.yaml",
    },
    {
      does: "from kubectl",
      line: "kubectl create secret generic db --from-literal=k=v --dry-run=client -o yaml | sopsmith k8s encrypt -n shop -",
    },
    {
      does: "encrypt the values of a chart for Flux",
      line: "sopsmith k8s encrypt -n shop --helm-values shop-values --out values.enc.yaml values.yaml",
    },
  ],
  async run(call) {
    const { operands, options, streams, host } = call;
    const [first] = operands;
    if (first === undefined)
      throw new UsageError("k8s encrypt needs a file with Secrets or ConfigMaps, or - for stdin");
    const target = options.text(out);
    const valuesName = options.text(helmValues);
    if (valuesName !== "" && operands.length > 1)
      throw new UsageError("--helm-values needs exactly one file with values");
    if (valuesName !== "" && !/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(valuesName))
      throw new UsageError(
        '--helm-values needs the name of a Secret: lowercase letters, digits, "-" and "." only',
      );
    const manifests: Manifest[] = [];
    if (valuesName === "")
      for (const operand of operands)
        for (const one of await readManifestFile(call, operand)) manifests.push(one);
    else
      manifests.push(secretOfHelmValues(valuesName, await readInput(call, first), fileName(first)));
    const document = sopsSecretFrom(manifests, {
      name: options.text(name) || undefined,
      namespace: options.text(namespace) || undefined,
      scope: scopeMode(options.text(scope)),
      warn: (message) => warn(streams, message),
    });
    const ruled = target !== "" ? target : first === "-" ? "secret.yaml" : first;
    const source = { ...sourceOf(call, ruled), name: resolve(host.cwd(), ruled) };
    const stores = await openStores(call, source, "plain");
    const settings = await sealSettings(call, source, stores, templates);
    const selectors = settings.selectors.length === 0 ? [templates] : settings.selectors;
    for (const { name: selector } of selectors)
      if (selector !== "encrypted_suffix" && selector !== "encrypted_regex")
        throw new ConflictError(
          `${selector} would encrypt what Kubernetes must be able to read: use encrypted_suffix: Templates in the creation rule`,
        );
    const chunks = await sealNew(
      [document],
      {
        ...stores.verb,
        output: stores.verb.output === "json" ? "json" : "yaml",
        ...settings,
        selectors,
        macOnlyEncrypted: true,
      },
      host,
    );
    if (target === "") await streams.writeStdout(chunks);
    else {
      const { replaceFile } = await import("../../io/atomic-write.ts");
      await replaceFile(target, chunks, { purpose: "output" });
    }
    if (valuesName !== "")
      streams.writeStderr(
        printable(
          `Put this into the spec of the HelmRelease:\n  valuesFrom:\n    - kind: Secret\n      name: ${valuesName}\n`,
        ),
      );
  },
};

function scopeMode(given: string): ScopeMode | undefined {
  if (given === "" || given === "strict" || given === "namespace" || given === "none")
    return given === "" ? undefined : given;
  throw new UsageError("--scope must be strict, namespace or none");
}

const ignoreMac = bool("do not require a correct message authentication code (MAC)", "ignore-mac");

export const k8sDecrypt: Command = {
  operands: "file …",
  flags: [ignoreMac, ...flags.keyServices],
  notes: [
    "Prints the Secrets in an encrypted SopsSecret as plain manifests: the reverse of k8s encrypt.",
  ],
  examples: [{ does: "print the Secrets", line: "sopsmith k8s decrypt db.enc.yaml" }],
  async run(call) {
    if (call.operands.length === 0)
      throw new UsageError("k8s decrypt needs a file, or - for stdin");
    const secrets: JsonObject[] = [];
    const problems: string[] = [];
    const mac = call.options.on(ignoreMac) ? "off" : "require";
    for (const operand of call.operands)
      for (const manifest of await readSopsSecrets(call, operand)) {
        const rendered = await render(
          sopsSecretOf(manifest),
          {
            policy: { mac, macBudget: 20_000, requiresScope: () => false, configMaps: true },
            services: await keyServices(call),
            namespace: "",
            redact: false,
            ownerUid: undefined,
          },
          call.host,
        );
        for (const one of rendered.secrets) secrets.push(one);
        for (const one of rendered.problems) problems.push(one);
      }
    if (problems.length > 0) throw new RenderProblems(problems);
    await call.streams.writeStdout(await yamlOf(secrets.map(readable)));
  },
};

/** Values of a Secret that are text as `stringData`. */
function readable(manifest: JsonObject): JsonObject {
  if (manifest["kind"] !== "Secret" || !isObject(manifest["data"])) return manifest;
  const { data, ...rest } = manifest;
  const [plain, binary] = [new Map<string, string>(), new Map<string, string>()];
  for (const [key, value] of Object.entries(data)) {
    if (typeof value !== "string") continue;
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      plain.set(key, decoder.decode(Buffer.from(value, "base64")));
    } catch {
      binary.set(key, value);
    }
  }
  return {
    ...rest,
    ...(binary.size === 0 ? {} : { data: Object.fromEntries(binary) }),
    ...(plain.size === 0 ? {} : { stringData: Object.fromEntries(plain) }),
  };
}

/** Documents as YAML, indented by two as Kubernetes' own. */
export async function yamlOf(objects: readonly JsonObject[]): Promise<Chunks> {
  if (objects.length === 0) return [];
  const { emit } = await loadFormat("yaml");
  return emit(documentsFromPlain(objects.map(plainObject)), {
    sealed: false,
    indent: 2,
    quoteMergeKeys: true,
  });
}
