import type { KeyFailure } from "../data-key/failure-report.ts";
import { DataKeyError } from "../data-key/recover.ts";
import { LoginError, type KeyType, type UnwrapError } from "../keys/provider.ts";

/** What gives the operator keys of a type: values of its chart. */
const remedies: Readonly<Record<KeyType, string>> = {
  age: "mount the Secret with the key (secretsAsFiles in the chart's values) and name its file in SOPS_AGE_KEY_FILE (extraEnv)",
  pgp: "set gpg.enabled in the chart's values, put the private key into the Secrets gpg.secret1 and gpg.secret2, and use an image with gnupg",
  kms: "let the operator's service account assume a role that may use the key (serviceAccount.annotations in the chart's values), or mount credentials (secretsAsEnvVars)",
  gcp_kms:
    "set gcp in the chart's values, or let the operator's service account use the key (serviceAccount.annotations)",
  azure_kv:
    "set azure in the chart's values, or let the operator's service account use the key (serviceAccount.annotations, podLabels)",
  hc_vault:
    "set vault.address and vault.role in the chart's values, or set a token in VAULT_TOKEN (secretsAsEnvVars)",
  hckms: "give the operator credentials of Huawei Cloud (secretsAsEnvVars in the chart's values)",
};

/** How many keys a message names. */
const NAMED = 3;

const named = (ids: readonly string[]): string =>
  [...new Set(ids)].slice(0, NAMED).join(", ") +
  (new Set(ids).size > NAMED ? ` and ${new Set(ids).size - NAMED} more` : "");

/**
 * Why no key of an object opens, in one sentence for whoever runs the operator: which keys it needs, where the operator looked, and
 * which value of the chart gives it the key. Names no value and no private key.
 *
 * @param sources where age keys are looked for
 */
export function missingKey(failures: readonly KeyFailure[], sources: readonly string[]): string {
  const errors = failures.flatMap(({ errors: all }) => all);
  // A source that is broken, or a damaged file, is nearer to success than a key that is not there.
  const telling = errors.find(({ failure }) => failure !== "missing");
  const failed = failures.find(({ errors: all }) => telling === undefined || all.includes(telling));
  const type = failed?.key.type ?? "age";
  const of = failures.filter(({ key }) => key.type === type).map(({ key }) => key.id);
  const what =
    telling === undefined
      ? `the operator has no key for ${named(of)}`
      : `the operator cannot use ${failed?.key.id ?? "the key"}: ${reasonOf(telling)}`;
  const looked =
    type === "age"
      ? `; ${sources.length === 0 ? "no key source is set" : `it looked in ${sources.join(", ")}`}`
      : "";
  if (telling?.failure === "damaged") return `${what}; restore the object from its file`;
  const held = errors.flatMap((error) => error.held);
  const other =
    type === "age" && held.length > 0
      ? `, or encrypt the file to ${named(held)} too, whose key the operator has`
      : "";
  if (telling instanceof LoginError) return `${what}; ${telling.remedy}`;
  return `${what}${looked}; ${remedies[type] ?? "give the operator the key"}${other}`;
}

/** The reason alone: what to do about it is another thing in a cluster. */
function reasonOf({ message, summary, remedy }: UnwrapError): string {
  const text = summary ?? message;
  const end = `; ${remedy}`;
  return (text.endsWith(end) ? text.slice(0, -end.length) : text).replaceAll(/\s+/g, " ");
}

/** Are all keys of the object of a kind that no network has a part in? Then nothing but another key helps. */
export const onlyLocalKeys = (error: unknown): boolean =>
  error instanceof DataKeyError &&
  error.failures.length > 0 &&
  error.failures.every(({ key }) => key.type === "age");
