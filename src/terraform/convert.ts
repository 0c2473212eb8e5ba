import { clusterScope } from "../k8s/cluster-scoped.ts";
import { ConversionError, located } from "../k8s/conversion-error.ts";
import { byBytes, emitHcl, type HclStyle } from "./hcl.ts";
import { Labels, labelOf } from "./label.ts";
import { isCiphertext, isSealed, readManifests, type Manifest } from "../k8s/manifest.ts";
import {
  importBlock,
  kubectlManifest,
  kubernetesManifest,
  type ManifestArguments,
} from "./resource.ts";
import { plainSecret, sopsSecret } from "./secret.ts";
import { pruneEmpty, pruneNulls, strip, withNamespace } from "./shape.ts";
import { mapOf, type MapValue, type Value } from "../k8s/value.ts";

export interface ConvertOptions {
  /** Print only the maps. */
  readonly mapOnly: boolean;
  readonly bareKeys: boolean;
  readonly provider: string;
  readonly strip: boolean;
  readonly keepNamespace: boolean;
  /** Put where a manifest of a namespaced kind has no namespace; "" for nothing. */
  readonly namespace: string;
  readonly pruneNulls: boolean;
  readonly pruneEmpty: boolean;
  readonly import: boolean;
  readonly as: "manifest" | "kubectl" | "secret";
  /** What to do with Secrets that sops encrypted. */
  readonly secrets: "keep" | "data" | "ephemeral";
  readonly multiline: HclStyle["multiline"];
  readonly lossyUnicode: boolean;
  readonly failOnPlaintext: boolean;
  readonly arguments: ManifestArguments;
}

export interface Input {
  /** As the user knows it, for messages. */
  readonly file: string;
  /** How the `.tf` shall name it; undefined for stdin. */
  readonly sourceFile: string | undefined;
  readonly content: Uint8Array;
}

/** One resource, with what stands in front of it. */
export interface Converted {
  /** "" for a bare map. */
  readonly label: string;
  readonly text: string;
}

/**
 * Kubernetes YAML → Terraform (spec terraform). Nothing is returned unless everything could be converted.
 *
 * @param note called with one line for each thing the user should know
 * @throws {ConversionError}
 */
export function convert(
  inputs: readonly Input[],
  options: ConvertOptions,
  note: (message: string) => void,
): Converted[] {
  const labels = new Labels();
  let isNamespaceTold = false;
  let plaintext: ConversionError | undefined;
  const read = inputs.map((input) => ({
    input,
    manifests: readManifests(input.content, input.file, (message) => note(`warning: ${message}`)),
  }));
  const isClusterScoped = clusterScope(read.flatMap(({ manifests }) => manifests));
  const converted = read.flatMap(({ input, manifests }) =>
    manifests.map((manifest) => {
      const wanted = labelOf(manifest);
      const { label, isClash } = options.mapOnly
        ? { label: wanted, isClash: false }
        : labels.take(wanted);
      if (isClash)
        note(located(`note: the name ${wanted} is taken; using ${label}`, manifest.spot));
      for (const message of advice(manifest, label, options)) note(located(message, manifest.spot));
      if (holdsPlaintext(manifest)) {
        note(`warning: ${label} contains unencrypted values`);
        if (options.failOnPlaintext)
          plaintext ??= new ConversionError(
            `${label} contains unencrypted values: encrypt it first, or leave out --fail-on-plaintext`,
            manifest.spot,
          );
      }
      if (
        options.strip &&
        !options.keepNamespace &&
        manifest.namespace === "default" &&
        !isNamespaceTold &&
        !isClusterScoped(manifest)
      ) {
        isNamespaceTold = true;
        note(
          "warning: --strip drops the namespace default, but kubernetes_manifest needs a namespace for namespaced kinds: use --keep-namespace or --namespace",
        );
      }
      const namespace = isClusterScoped(manifest) ? "" : options.namespace;
      return one(manifest, input, label, { ...options, namespace }, note);
    }),
  );
  if (plaintext !== undefined) throw plaintext;
  return converted;
}

function one(
  original: Manifest,
  input: Input,
  label: string,
  options: ConvertOptions,
  note: (message: string) => void,
): Converted {
  const value = shaped(original.value, options);
  const manifest = { ...original, value };
  // What --strip drops is in the cluster all the same; what --namespace adds is where the resource is.
  const placed = { ...original, namespace: namespaceIn(value) || original.namespace };
  const style: HclStyle = {
    bareKeys: options.bareKeys,
    multiline: options.multiline,
    spot: manifest.spot,
    onNotNfc: options.lossyUnicode
      ? (path) => note(located(`warning: ${path} was converted to Unicode NFC`, manifest.spot))
      : undefined,
  };
  if (options.mapOnly) return { label: "", text: `${emitHcl(manifest.value, style)}\n` };
  const named = { label, provider: options.provider };
  if (options.secrets !== "keep" && original.kind === "Secret" && isSealed(original)) {
    if (input.sourceFile === undefined)
      throw new ConversionError(
        "--secrets needs a file that the Terraform configuration can name: use -f FILE instead of stdin",
      );
    return {
      label,
      text:
        imported(`kubernetes_secret_v1.${label}`, placed, "secret", options) +
        sopsSecret(manifest, named, options.secrets, input.sourceFile, style),
    };
  }
  const { as } = options;
  const type = {
    manifest: "kubernetes_manifest",
    kubectl: "kubectl_manifest",
    secret: "kubernetes_secret_v1",
  }[as];
  const text =
    as === "manifest"
      ? kubernetesManifest(manifest, named, options.arguments, style)
      : as === "kubectl"
        ? kubectlManifest(manifest, named, style)
        : plainSecret(manifest, named, style);
  return { label, text: imported(`${type}.${label}`, placed, as, options) + text };
}

function namespaceIn(value: MapValue): string {
  const metadata = value.entries.get("metadata");
  const namespace = metadata?.kind === "map" ? metadata.entries.get("namespace") : undefined;
  return namespace?.kind === "text" ? namespace.value : "";
}

function imported(
  address: string,
  manifest: Manifest,
  as: ConvertOptions["as"],
  options: ConvertOptions,
): string {
  return options.import ? `${importBlock(address, manifest, as)}\n` : "";
}

function shaped(value: MapValue, options: ConvertOptions): MapValue {
  let out = value;
  if (options.strip) out = strip(out, options);
  if (options.namespace !== "") out = withNamespace(out, options.namespace);
  if (options.pruneNulls) out = pruneNulls(out);
  if (options.pruneEmpty) out = pruneEmpty(out);
  return out;
}

/** Is there a secret in clear? */
function holdsPlaintext(manifest: Manifest): boolean {
  if (isSealed(manifest)) return false;
  if (manifest.kind === "SopsSecret") return true;
  const isFilled = (field: string): boolean => {
    const value = manifest.value.entries.get(field);
    return value?.kind === "map" && value.entries.size > 0;
  };
  return manifest.kind === "Secret" && (isFilled("data") || isFilled("stringData"));
}

/** What goes wrong later if nobody says so now. */
function advice(manifest: Manifest, label: string, options: ConvertOptions): string[] {
  const { value } = manifest;
  const messages: string[] = [];
  if (isSealed(manifest) && manifest.kind === "Secret" && options.secrets === "keep")
    messages.push(
      `warning: ${label} is a Secret that sops encrypted, which no cluster can use; turn it into a SopsSecret (sopsmith k8s encrypt), or use --secrets`,
    );
  if (isSealed(manifest) && manifest.kind === "SopsSecret" && !keepsItsMac(value))
    messages.push(
      `note: sops cannot verify the MAC of ${label} in the cluster, where keys are sorted, and sopsmith's operator can only if it finds the order of the keys in the file in 20,000 tries; after sopsmith k8s fix, both always can`,
    );
  if (
    options.as === "manifest" &&
    !options.strip &&
    !options.mapOnly &&
    value.entries.has("status")
  )
    messages.push(
      `note: ${label} has a status, which older versions of the kubernetes provider reject; use --strip`,
    );
  return messages;
}

/**
 * Does sops find the MAC right after Terraform and the API server have sorted the keys? With `mac_only_encrypted` it covers the
 * encrypted values in their order; without, also what the server adds.
 */
function keepsItsMac(value: MapValue): boolean {
  const sops = value.entries.get("sops");
  const flag = sops?.kind === "map" ? sops.entries.get("mac_only_encrypted") : undefined;
  if (flag?.kind !== "bool" || !flag.value) return false;
  const covered = mapOf([...value.entries].filter(([key]) => key !== "sops"));
  return sealedValues(covered, false).join("\n") === sealedValues(covered, true).join("\n");
}

/** The encrypted values in the order of the file, or of the sorted keys. */
function sealedValues(value: Value, isSorted: boolean): string[] {
  switch (value.kind) {
    case "text":
      return isCiphertext(value.value) ? [value.value] : [];
    case "list":
      return value.items.flatMap((item) => sealedValues(item, isSorted));
    case "map": {
      const entries = [...value.entries];
      if (isSorted) entries.sort(([a], [b]) => byBytes(a, b));
      return entries.flatMap(([, item]) => sealedValues(item, isSorted));
    }
    default:
      return [];
  }
}
