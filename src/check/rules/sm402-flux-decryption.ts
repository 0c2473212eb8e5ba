import { fluxKustomizations } from "../flux.ts";
import type { Problem, Rule } from "../rule.ts";

/** Ciphertexts that Flux would send to the cluster. */
export const fluxDecryption: Rule = {
  id: "SM402",
  name: "flux-decryption",
  severity: "error",
  finds: "a Flux Kustomization applies encrypted files but does not decrypt them",
  why: [
    "Without `spec.decryption`, Flux applies an encrypted file as it is: the API server refuses it, or a Secret gets ciphertexts as values.",
    "The rule checks the files that the `kustomization.yaml` in `spec.path` leads to or, without one, all files in that folder. `spec.path` is relative to the directory in which the check runs, so run it at the root of the repository. SopsSecrets count as unencrypted here: the operator decrypts them.",
  ],
  fix: "Add `decryption: { provider: sops, secretRef: { name: sops-age } }` to `spec`, or turn the files into SopsSecrets with `sopsmith k8s encrypt`.",
  example: {
    language: "yaml",
    text: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: apps }\nspec:\n  path: ./apps # holds apps/db.enc.yaml\n  prune: true",
  },
  async inTree(tree) {
    const problems: (Problem & { file: string })[] = [];
    for (const { file, line, name, decrypts, sealed } of await fluxKustomizations(tree)) {
      const [first, ...others] = sealed;
      if (decrypts || first === undefined) continue;
      const more = others.length === 0 ? "" : ` and ${others.length} more`;
      problems.push({
        file,
        line,
        column: 1,
        message: `the Kustomization ${name} has no spec.decryption, but applies the encrypted file ${first.file}${more}`,
      });
    }
    return problems;
  },
};
