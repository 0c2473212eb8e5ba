import { age } from "./age/age.ts";
import { awsKms } from "./aws-kms/aws-kms.ts";
import { azureKeyVault } from "./azure-key-vault/azure-key-vault.ts";
import { gcpKms } from "./gcp-kms/gcp-kms.ts";
import { huaweiKms } from "./huawei-kms/huawei-kms.ts";
import { pgp } from "./pgp/pgp.ts";
import type { KeyProvider, KeyType } from "./provider.ts";
import { vaultTransit } from "./vault-transit/vault-transit.ts";

/** Every master key type, in the order in which the keys of a loaded group are (spec file-format 5.2). */
export const providers: readonly KeyProvider[] = [
  awsKms,
  gcpKms,
  huaweiKms,
  azureKeyVault,
  vaultTransit,
  pgp,
  age,
];

/** The same in the order of the keys in a rule's group (spec keys 1.5). */
export const providersInRules: readonly KeyProvider[] = providers.toSorted(
  (a, b) => a.order.rule - b.order.rule,
);

const byType = new Map(providers.map((provider) => [provider.type, provider]));

export function provider(type: KeyType): KeyProvider {
  const found = byType.get(type);
  if (found === undefined) throw new Error(`no provider for key type ${type}`);
  return found;
}
