import { SopsmithError } from "../../errors.ts";
import { checkSopsSecret } from "../../k8s/check.ts";
import { isCiphertext } from "../../k8s/manifest.ts";
import { isSopsSecret, readResources, type Manifest } from "../../k8s/read.ts";
import type { MapValue, Value } from "../../k8s/value.ts";
import { keyPath } from "../key-path.ts";
import type { Problem, Rule } from "../rule.ts";
import type { Subject } from "../subject.ts";

/** Kubernetes manifests with secrets. */
export const kubernetes: Rule = {
  id: "SM401",
  name: "kubernetes",
  severity: "error",
  finds:
    "a Kubernetes Secret has unencrypted values, or a SopsSecret would be refused or is weakly protected",
  why: [
    "A `Secret` with unencrypted `data` or `stringData` gives its values away: base64 is not encryption. Values that are templates (`{{ … }}`) contain no secret.",
    "In a `SopsSecret`, this rule finds what `sopsmith k8s check` finds. Errors are what the API server or the operator would refuse. Warnings are what they accept although it weakens the check of the MAC, such as keys that are not in canonical order.",
  ],
  fix: "Encrypt the manifest with `sopsmith encrypt -i`, or turn it into a SopsSecret with `sopsmith k8s encrypt`; `sopsmith k8s fix` repairs a SopsSecret.",
  example: {
    language: "yaml",
    text: "apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData:\n  password: hunter2",
  },
  inFile(subject) {
    if (!mayHoldSecret(subject)) return [];
    let manifests: Manifest[];
    try {
      manifests = readResources(subject.content, subject.file, () => undefined);
    } catch (error) {
      // A chart's template, or no manifest at all; that an encrypted file cannot be read is SM105.
      if (error instanceof SopsmithError) return [];
      throw error;
    }
    const told = clearLines(subject);
    return manifests.flatMap((manifest): Problem[] =>
      isSopsSecret(manifest)
        ? checkSopsSecret(manifest, manifests.length).map(({ level, line, message }) => ({
            line,
            column: 1,
            message,
            severity: level,
          }))
        : isSecret(manifest)
          ? clearValues(manifest).filter(({ line }) => !told.has(line))
          : [],
    );
  },
};

function mayHoldSecret({ format, conflict, isConfig, content, text }: Subject): boolean {
  if ((format !== "yaml" && format !== "json") || conflict.length > 0 || isConfig) return false;
  if (!Buffer.from(content.buffer, content.byteOffset, content.byteLength).includes("Secret"))
    return false;
  return /\bkind["']?\s*:\s*["']?(?:Sops)?Secret\b/.test(text());
}

const isSecret = ({ kind, apiVersion }: Manifest): boolean =>
  kind === "Secret" && apiVersion === "v1";

/** Lines of values in an encrypted file that SM102 reports. */
function clearLines(subject: Subject): ReadonlySet<number> {
  const clear = subject.sealed?.leaves.filter(
    ({ isSelected, ciphertext }) => isSelected && ciphertext === undefined,
  );
  return new Set((clear ?? []).map((leaf) => subject.placeOf(leaf).line));
}

function clearValues({ value }: Manifest): Problem[] {
  const problems: Problem[] = [];
  for (const field of ["data", "stringData"]) {
    const values: Value | undefined = value.entries.get(field);
    if (values?.kind !== "map") continue;
    for (const [key, item] of (values satisfies MapValue).entries) {
      if (item.kind === "null") continue;
      if (item.kind === "text" && isHarmless(item.value)) continue;
      const path = [field, key];
      problems.push({
        line: item.line,
        column: 1,
        path,
        message: `${keyPath(path)} of a Secret is unencrypted`,
      });
    }
  }
  return problems;
}

/** Encrypted, empty, or filled in by a template. */
const isHarmless = (text: string): boolean =>
  text === "" || isCiphertext(text) || /\{\{.*\}\}|\$\{[^}]*\}/s.test(text);
