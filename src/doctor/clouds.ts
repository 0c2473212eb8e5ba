import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { provider } from "../keys/index.ts";
import type { KeyType } from "../keys/provider.ts";
import type { Host } from "../io/host.ts";
import { ranks, uses, type Check, type Finding } from "./finding.ts";

/** Where a service's credentials may be. Nothing of them is shown. */
interface Service {
  readonly type: KeyType;
  readonly variables: readonly string[];
  /** Below the home directory. */
  readonly files: readonly string[];
  /** Names a file that must be there. */
  readonly pathVariable?: string;
  readonly todo: string;
}

const services: readonly Service[] = [
  {
    type: "kms",
    variables: [
      "AWS_ACCESS_KEY_ID",
      "AWS_ACCESS_KEY",
      "AWS_PROFILE",
      "AWS_WEB_IDENTITY_TOKEN_FILE",
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ],
    files: [".aws/credentials", ".aws/config"],
    pathVariable: "AWS_WEB_IDENTITY_TOKEN_FILE",
    todo: "Provide AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with `aws sso login`.",
  },
  {
    type: "gcp_kms",
    variables: [
      "GOOGLE_CREDENTIALS",
      "GOOGLE_APPLICATION_CREDENTIALS",
      "GOOGLE_OAUTH_ACCESS_TOKEN",
    ],
    files: [".config/gcloud/application_default_credentials.json"],
    pathVariable: "GOOGLE_APPLICATION_CREDENTIALS",
    todo: "Provide Google Cloud credentials: run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS.",
  },
  {
    type: "azure_kv",
    variables: ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"],
    files: [".azure/azureProfile.json", ".azure/msal_token_cache.json"],
    pathVariable: "AZURE_FEDERATED_TOKEN_FILE",
    todo: "Provide Azure credentials: log in with `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
  },
  {
    type: "hc_vault",
    variables: ["VAULT_TOKEN"],
    files: [".vault-token"],
    todo: "Provide a Vault token: run `vault login`, or set VAULT_TOKEN.",
  },
  {
    type: "hckms",
    variables: ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_CREDENTIALS_FILE"],
    files: [".huaweicloud/credentials"],
    pathVariable: "HUAWEICLOUD_SDK_CREDENTIALS_FILE",
    todo: "Provide HuaweiCloud credentials: set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write ~/.huaweicloud/credentials.",
  },
];

/** Whether there are credentials for each cloud: by their names alone, without the network. */
export const checkClouds: Check = async (patient) => {
  const all = await Promise.all(services.map((service) => checkService(service, patient)));
  const [needed, spare] = [
    all.filter(({ isWanted }) => isWanted),
    all.filter(({ isWanted }) => !isWanted),
  ];
  const found = spare.filter(({ finding }) => finding.state === "ok");
  return [
    ...needed.map(({ finding }) => finding),
    ...(spare.length === 0
      ? []
      : [
          {
            name: "other clouds",
            state: "unused" as const,
            text: `not used here${found.length === 0 ? "" : `; there are credentials for ${found.map(({ finding }) => finding.name).join(", ")}`}`,
          },
        ]),
  ];
};

async function checkService(
  service: Service,
  patient: Parameters<Check>[0],
): Promise<{ finding: Finding; isWanted: boolean }> {
  const { host } = patient;
  const isWanted = uses(patient, service.type);
  const { label: name } = provider(service.type);
  const rank = ranks.access;
  const { pathVariable } = service;
  const path = pathVariable === undefined ? undefined : host.env[pathVariable];
  if (pathVariable !== undefined && path && !(await isThere(path)))
    return {
      isWanted,
      finding: {
        name,
        state: "problem",
        text: `${pathVariable} names ${path}, which does not exist`,
        todo: `Set ${pathVariable} to a file that exists: ${path} does not exist.`,
        rank: isWanted ? ranks.tool : rank,
      },
    };
  const profile = service.type === "kms" ? await missingProfile(host) : undefined;
  if (profile !== undefined)
    return {
      isWanted,
      finding: {
        name,
        state: "problem",
        text: `AWS_PROFILE is ${profile}, but no file in ~/.aws has that profile`,
        todo: `Set AWS_PROFILE to a profile that exists, or add ${profile} with \`aws configure --profile ${profile}\`.`,
        rank: isWanted ? ranks.tool : rank,
      },
    };
  const variable = service.variables.find((one) => host.env[one]);
  if (variable !== undefined)
    return {
      isWanted,
      finding: { name, state: "ok", text: `credentials in ${variable}; not tried` },
    };
  const home = host.env["HOME"] ?? host.env["USERPROFILE"];
  for (const file of home === undefined ? [] : service.files)
    if (await isThere(join(home ?? "", file)))
      return {
        isWanted,
        finding: { name, state: "ok", text: `credentials in ~/${file}; not tried` },
      };
  return {
    isWanted,
    finding: {
      name,
      state: isWanted ? "problem" : "unused",
      text: "no credentials in an environment variable or a file; a machine in the cloud may have its own",
      todo: service.todo,
      rank,
    },
  };
}

/** The profile of `AWS_PROFILE`, where there are files of profiles and none has it. */
async function missingProfile({ env }: Host): Promise<string | undefined> {
  const profile = env["AWS_PROFILE"];
  if (!profile || profile === "default") return undefined;
  const home = env["HOME"] ?? env["USERPROFILE"] ?? "";
  const files = [
    env["AWS_CONFIG_FILE"] ?? join(home, ".aws/config"),
    env["AWS_SHARED_CREDENTIALS_FILE"] ?? join(home, ".aws/credentials"),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  const names = texts
    .join("\n")
    .split("\n")
    .flatMap((line) => /^\s*\[\s*(?:profile\s+)?([^\]]*?)\s*\]/.exec(line)?.[1] ?? []);
  return names.includes(profile) ? undefined : profile;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
