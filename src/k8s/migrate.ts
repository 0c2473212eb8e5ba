import { SopsmithError } from "../errors.ts";
import { find, type Mapping } from "../tree/node.ts";
import { makeCanonical } from "./canonical.ts";
import { API_VERSION, GROUP, KIND } from "./sops-secret.ts";

/** A manifest that cannot be brought up to v1alpha3 by itself. Exit 1. */
export class MigrationError extends SopsmithError {
  constructor(message: string, hint?: string) {
    super("not-migratable", 1, message, { hint });
  }
}

/**
 * Brings a SopsSecret of v1alpha1 or v1alpha2 up to v1alpha3: `secret_templates` becomes `secretTemplates`, `data`, which was plain text
 * there, `stringData` (spec kubernetes 1.1). Puts it into canonical order too.
 *
 * @param keepData the values of `data` are base64 already
 * @returns whether anything was changed
 */
export function migrate(document: Mapping, { keepData }: { keepData: boolean }): boolean {
  const kind = find(document, "kind")?.value;
  const apiVersion = find(document, "apiVersion");
  const version = apiVersion?.value.kind === "str" ? apiVersion.value.value : "";
  if (kind?.kind !== "str" || kind.value !== KIND || !version.startsWith(`${GROUP}/`))
    throw new MigrationError(
      `this is not a SopsSecret of ${GROUP}`,
      "Use a file whose documents are all of kind SopsSecret.",
    );
  const spec = find(document, "spec")?.value;
  if (spec?.kind !== "map") throw new MigrationError("spec is missing or not a map");
  const old = find(spec, "secret_templates");
  if (version === API_VERSION && old === undefined) return false;
  if (apiVersion?.value.kind === "str") apiVersion.value.value = API_VERSION;
  if (old !== undefined) {
    if (find(spec, "secretTemplates") !== undefined)
      throw new MigrationError(
        "spec has both secret_templates and secretTemplates",
        "Keep the one that is right and remove the other.",
      );
    old.key = "secretTemplates";
  }
  if (version !== API_VERSION && !keepData) renameData(spec);
  makeCanonical(document);
  return true;
}

function renameData(spec: Mapping): void {
  const templates = find(spec, "secretTemplates")?.value;
  if (templates?.kind !== "seq")
    throw new MigrationError("spec.secretTemplates is missing or not a list");
  for (const template of templates.items) {
    if (template.kind !== "map") continue;
    const data = find(template, "data");
    if (data === undefined) continue;
    if (find(template, "stringData") !== undefined)
      throw new MigrationError(
        "a template has both data and stringData, which only v1alpha3 allows",
        "If data is base64, set apiVersion to v1alpha3; if not, move all values into one of the two.",
      );
    data.key = "stringData";
  }
}
