import { fluxKustomizations, RECIPIENT_ANNOTATION, type FluxKustomization } from "../flux.ts";
import { start, type Problem, type Rule } from "../rule.ts";

/** Files that the cluster's key does not open. */
export const fluxRecipient: Rule = {
  id: "SM403",
  name: "flux-recipient",
  severity: "error",
  finds: "an encrypted file that Flux applies does not have the cluster's key as a recipient",
  why: [
    "Flux decrypts all files of a Kustomization with the keys in one Secret. A file that is encrypted to the team but not to the cluster fails only when Flux applies it.",
    `Name the cluster's public key in the annotation \`${RECIPIENT_ANNOTATION}\` of the Kustomization: every file it applies must have that recipient. Without the annotation, this rule warns about a file that lacks a recipient which all others have.`,
  ],
  fix: "Add the cluster's public key to `.sops.yaml` and run `sopsmith updatekeys` with the file.",
  example: {
    language: "yaml",
    text: `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  annotations:\n    ${RECIPIENT_ANNOTATION}: age1cluster… # apps/db.enc.yaml has age1alice… only\nspec:\n  path: ./apps\n  decryption: { provider: sops, secretRef: { name: sops-age } }`,
  },
  async inTree(tree) {
    const kustomizations = await fluxKustomizations(tree);
    return kustomizations.flatMap((one) => [...problemsOf(one)]);
  },
};

function* problemsOf({
  name,
  recipient,
  sealed,
}: FluxKustomization): Iterable<Problem & { file: string }> {
  if (recipient !== undefined) {
    for (const { file, recipients } of sealed)
      if (!recipients.has(recipient))
        yield {
          ...start,
          file,
          message: `the key of the cluster, ${recipient}, is not a recipient, but the Kustomization ${name} applies the file`,
        };
    return;
  }
  // Two files may well have keys of their own.
  if (sealed.length < 3) return;
  const counts = new Map<string, number>();
  for (const { recipients } of sealed)
    for (const id of recipients) counts.set(id, (counts.get(id) ?? 0) + 1);
  let most = 0;
  for (const count of counts.values()) most = Math.max(most, count);
  if (most !== sealed.length - 1) return;
  const missing = [...counts].filter(([, count]) => count === most).map(([id]) => id);
  for (const { file, recipients } of sealed) {
    const lacks = missing.find((id) => !recipients.has(id));
    if (lacks !== undefined)
      yield {
        ...start,
        file,
        severity: "warning",
        message: `the recipient ${lacks} is missing, which all other files of the Kustomization ${name} have: can the cluster decrypt this one?`,
      };
  }
}
