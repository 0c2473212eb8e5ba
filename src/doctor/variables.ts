import { ranks, type Check } from "./finding.ts";

/** Environment variables that the program reads, by their names without underscores and a plural's S. */
const known = new Map(
  [
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_KEY_CMD",
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
    "SOPS_AGE_RECIPIENTS",
    "SOPS_PGP_FP",
    "SOPS_KMS_ARN",
    "SOPS_GCP_KMS_IDS",
    "SOPS_AZURE_KEYVAULT_URLS",
    "SOPS_VAULT_URIS",
    "SOPS_HUAWEICLOUD_KMS_IDS",
    "SOPS_CONFIG",
    "SOPS_EDITOR",
    "SOPS_GPG_EXEC",
    "SOPS_DECRYPTION_ORDER",
    "SOPS_KEYSERVICE",
    "SOPS_ENABLE_LOCAL_KEYSERVICE",
    "SOPS_HC_VAULT_ALLOWLIST",
  ].map((name) => [bare(name), name]),
);

/** What else people write, without underscores. */
const others = new Map([
  ["SOPSAGEKEYPATH", "SOPS_AGE_KEY_FILE"],
  ["SOPSAGEIDENTITYFILE", "SOPS_AGE_KEY_FILE"],
  ["SOPSAGEIDENTITY", "SOPS_AGE_KEY"],
  ["SOPSAGEPRIVATEKEY", "SOPS_AGE_KEY"],
  ["SOPSAGESECRETKEY", "SOPS_AGE_KEY"],
  ["SOPSAGEFILE", "SOPS_AGE_KEY_FILE"],
  ["SOPSKEYFILE", "SOPS_AGE_KEY_FILE"],
  ["SOPSAGEPUBLICKEY", "SOPS_AGE_RECIPIENTS"],
  ["SOPSAGEKEYCOMMAND", "SOPS_AGE_KEY_CMD"],
  ["SOPSPGPFINGERPRINT", "SOPS_PGP_FP"],
  ["SOPSKMSARN", "SOPS_KMS_ARN"],
]);

function bare(name: string): string {
  return name.replaceAll("_", "").toUpperCase().replace(/S$/, "");
}

/** Names of environment variables that are nearly those of sops, and do nothing. */
export const checkVariables: Check = ({ host }) =>
  Promise.resolve(
    Object.entries(host.env).flatMap(([variable, value]) => {
      if (value === undefined || !/^_?SOPS/i.test(variable)) return [];
      const meant = known.get(bare(variable)) ?? others.get(bare(variable));
      if (meant === undefined || meant === variable) return [];
      return [
        {
          name: "variables",
          state: "problem",
          text: `${variable} is set, but nothing reads it`,
          todo: `Rename the variable ${variable} to ${meant}.`,
          rank: host.env[meant] === undefined ? ranks.keySource : ranks.variable,
        },
      ];
    }),
  );
