import { age } from "./age.ts";
import type { KeyProvider, KeyType } from "./provider.ts";
import { awsKms, azureKeyVault, gcpKms, huaweiKms, pgp, vaultTransit } from "./stored-only.ts";

/** Every master key type, in the order in which the keys of a loaded group stand (spec file-format 5.2). */
export const providers: readonly KeyProvider[] = [
  awsKms,
  gcpKms,
  huaweiKms,
  azureKeyVault,
  vaultTransit,
  pgp,
  age,
];

const byType = new Map(providers.map((provider) => [provider.type, provider]));

export function provider(type: KeyType): KeyProvider {
  const found = byType.get(type);
  if (found === undefined) throw new Error(`no provider for key type ${type}`);
  return found;
}
