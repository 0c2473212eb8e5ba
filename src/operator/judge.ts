import type { Host } from "../io/host.ts";
import { isObject, type SopsSecret } from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { buildTemplates, duplicateNames, templateFields, type Template } from "./build.ts";
import { openObject, type Finding } from "./open.ts";
import { checkScope } from "./scope.ts";
import { statusTexts, type Problem } from "./texts.ts";

/** What the operator insists on; flags, never fields of the object, which an attacker could change. */
export interface Policy {
  /** `report`: apply anyway, the condition tells; `require`: nothing is written without a verified MAC. */
  readonly mac: "report" | "require" | "off";
  /** How many orders of keys are tried for one MAC. */
  readonly macBudget: number;
  requiresScope(namespace: string): boolean;
  /** Whether ConfigMaps are made, too. */
  readonly configMaps: boolean;
}

const noConfigMaps: Problem = {
  reason: "InvalidSpec",
  message:
    "the object has configMapTemplates, but the operator runs with -config-maps=false: set configMaps in the chart's values",
  text: statusTexts.creation,
  isStalled: true,
};

/** What one look at an object says, before anything is written. */
export interface Judgement {
  /** `Decrypted`, `MacVerified`, `ScopeVerified`, as far as they could be found out. */
  readonly findings: readonly Finding[];
  /** Nothing may be written because of it. */
  readonly refusal: Problem | undefined;
  /** Empty when refused. */
  readonly templates: readonly Template[];
  /** When the file was encrypted; undefined when that is not known for certain. */
  readonly lastModified: string | undefined;
}

/** Decrypts and checks an object, and builds its Secrets (spec kubernetes 4.1). Reads no cluster. */
export async function judge(
  object: SopsSecret,
  options: {
    policy: Policy;
    services: readonly KeyService[];
    /** Where keys are looked for, as messages say it; undefined outside a cluster. */
    keySources?: readonly string[] | undefined;
  },
  host: Host,
): Promise<Judgement> {
  const { name = "", namespace = "" } = object.metadata;
  const { policy, services, keySources } = options;
  const refused = (refusal: Problem, findings: readonly Finding[] = []): Judgement => ({
    findings,
    refusal,
    templates: [],
    lastModified: undefined,
  });
  const invalid = checkSpec(object);
  if (invalid !== undefined)
    return refused(
      invalid,
      invalid.reason === "DecryptFailed"
        ? [
            {
              type: "Decrypted",
              status: "False",
              reason: invalid.reason,
              message: invalid.message,
            },
          ]
        : [],
    );
  const budget = policy.mac === "off" ? undefined : policy.macBudget;
  const opened = await openObject(object, { services, budget, keySources }, host);
  if ("reason" in opened) {
    const { reason, message } = opened;
    return refused(opened, [{ type: "Decrypted", status: "False", reason, message }]);
  }
  const scope = checkScope(
    Object.values(opened.templates).flat(),
    opened.isSealed,
    { name, namespace },
    policy.requiresScope(namespace),
  );
  const findings: Finding[] = [
    {
      type: "Decrypted",
      status: "True",
      reason: "Decrypted",
      message: "every value was decrypted",
    },
    opened.mac,
    scope.finding,
  ];
  if (policy.mac === "require" && opened.mac.status !== "True")
    return refused(
      {
        reason: "MacNotVerified",
        message: opened.mac.message,
        text: statusTexts.decryption,
        isStalled: true,
      },
      findings,
    );
  if (scope.problem !== undefined) return refused(scope.problem, findings);
  const templates = buildTemplates(opened.templates);
  if (!policy.configMaps && opened.templates.ConfigMap.length > 0)
    return refused(noConfigMaps, findings);
  const duplicate = duplicateNames(templates);
  if (duplicate !== undefined) return refused(duplicate, findings);
  return {
    findings,
    refusal: undefined,
    templates,
    lastModified: opened.mac.status === "True" ? opened.lastModified : undefined,
  };
}

function checkSpec({ spec, sops }: SopsSecret): Problem | undefined {
  const lists = (["Secret", "ConfigMap"] as const).flatMap((kind) => {
    const field = templateFields[kind];
    const list = spec?.[field];
    return list === undefined || list === null ? [] : [{ field, list }];
  });
  const invalid = (message: string): Problem => ({
    reason: "InvalidSpec",
    message,
    text: statusTexts.decryption,
    isStalled: true,
  });
  if (lists.length === 0)
    return invalid(
      'spec.secretTemplates is absent: an object created as v1alpha1 with "secret_templates" loses its content; run "sopsmith k8s migrate FILE" and apply it again',
    );
  for (const { field, list } of lists) {
    if (!Array.isArray(list) || list.length === 0)
      return invalid(`spec.${field} must be a list with at least one template`);
    if (!list.every(isObject))
      return invalid(
        `an item of spec.${field} is not a map: a comment between templates becomes such an item when it is encrypted; remove it`,
      );
  }
  if (sops === undefined || sops === null || (isObject(sops) && Object.keys(sops).length === 0))
    return {
      ...invalid(
        JSON.stringify(spec).includes("ENC[AES256_GCM,")
          ? "the object has encrypted values, but no sops block; restore the object from its file"
          : "the object is not encrypted: it has no sops block, so everybody who can read it can see its values; encrypt its file, apply it again, and change the values",
      ),
      reason: "DecryptFailed",
    };
  return undefined;
}
