import { globMatcher } from "../../operator/names.ts";
import type { Policy } from "../../operator/judge.ts";
import { UsageError } from "../args.ts";
import type { BoolFlag, IntFlag, ListFlag, TextFlag } from "../flags.ts";
import type { Options } from "../options.ts";

/** Flags that say what the operator insists on; shared by `operator` and `operator render`. */
export const macPolicy: TextFlag = {
  kind: "text",
  names: ["mac-policy"],
  value: "policy",
  about:
    "report (default): apply, and report in a condition; require: apply nothing without a verified MAC; off",
};
export const macBudget: IntFlag & { readonly initial: number } = {
  kind: "int",
  names: ["mac-order-budget"],
  about: "how many orders of the keys to try for one MAC; 0 means the default",
  initial: 20_000,
};
export const requireScope: BoolFlag = {
  kind: "bool",
  names: ["require-scope"],
  about:
    "apply only objects that are bound to their place by the encrypted annotation sopsmith.dev/scope",
};
export const requireScopeNamespaces: ListFlag = {
  kind: "list",
  names: ["require-scope-namespaces"],
  value: "globs",
  about: "the same, only in namespaces that match one of these patterns, separated by commas",
};

export const configMaps: BoolFlag = {
  kind: "bool",
  names: ["config-maps"],
  on: true,
  about: "make ConfigMaps from configMapTemplates too",
};

export function policyOf(options: Options): Policy {
  const mac = options.text(macPolicy) || "report";
  if (mac !== "report" && mac !== "require" && mac !== "off")
    throw new UsageError("-mac-policy must be report, require or off");
  const globs = options
    .list(requireScopeNamespaces)
    .flatMap((text) => text.split(","))
    .filter(Boolean)
    .map(globMatcher);
  const always = options.on(requireScope);
  const budget = options.count(macBudget) ?? 0;
  if (budget < 0) throw new UsageError("-mac-order-budget must be a number of at least 0");
  return {
    mac,
    macBudget: budget === 0 ? macBudget.initial : budget,
    configMaps: options.on(configMaps),
    requiresScope: (namespace) => always || globs.some((fits) => fits(namespace)),
  };
}
