import { SCOPE_DIRECTIVE } from "../k8s/sops-secret.ts";
import { find, type Mapping, type Node } from "../tree/node.ts";
import type { Finding } from "./open.ts";
import { statusTexts, type Problem } from "./texts.ts";

/**
 * The binding of name and namespace inside the encrypted part (spec kubernetes 4.6). An annotation counts only where it was ciphertext:
 * what anybody could have written proves nothing.
 *
 * @param isRequired by `-require-scope`: then `*\/*` does not do
 */
export function checkScope(
  templates: readonly Mapping[],
  isSealed: (leaf: Node) => boolean,
  { name, namespace }: { name: string; namespace: string },
  isRequired: boolean,
): { finding: Finding; problem: Problem | undefined } {
  const scopes = templates.map((template) => scopeOf(template, isSealed));
  const given = scopes.filter((scope) => scope !== undefined);
  if (given.length === 0) {
    const finding: Finding = {
      type: "ScopeVerified",
      status: "Unknown",
      reason: "Unbound",
      message: `no template has the encrypted annotation ${SCOPE_DIRECTIVE}: a copy of this object in another namespace would be decrypted there`,
    };
    return {
      finding,
      problem: isRequired
        ? refusal(
            `every template needs the encrypted annotation ${SCOPE_DIRECTIVE}: ${namespace}/${name}`,
          )
        : undefined,
    };
  }
  if (given.length < scopes.length)
    return failed(
      "ScopeIncomplete",
      `${given.length} of ${scopes.length} templates have the encrypted annotation ${SCOPE_DIRECTIVE}: add it to each`,
    );
  const fits = (scope: string): boolean =>
    scope === `${namespace}/${name}` ||
    scope === `${namespace}/*` ||
    (scope === "*/*" && !isRequired);
  if (!given.every(fits))
    return failed(
      "ScopeMismatch",
      `the annotation ${SCOPE_DIRECTIVE} of a template was made for an object other than ${namespace}/${name}: the object was copied or renamed; encrypt it for this place`,
    );
  return {
    finding: {
      type: "ScopeVerified",
      status: "True",
      reason: "Bound",
      message: "every template is bound to this object's place",
    },
    problem: undefined,
  };
}

function failed(reason: string, message: string): { finding: Finding; problem: Problem } {
  return {
    finding: { type: "ScopeVerified", status: "False", reason, message },
    problem: refusal(message),
  };
}

const refusal = (message: string): Problem => ({
  reason: "ScopeMismatch",
  message,
  text: statusTexts.decryption,
  isStalled: true,
});

function scopeOf(template: Mapping, isSealed: (leaf: Node) => boolean): string | undefined {
  const annotations = find(template, "annotations")?.value;
  const scope = annotations?.kind === "map" ? find(annotations, SCOPE_DIRECTIVE)?.value : undefined;
  return scope?.kind === "str" && scope.value !== "" && isSealed(scope) ? scope.value : undefined;
}
