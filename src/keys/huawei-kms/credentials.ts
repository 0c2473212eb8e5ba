import { namedFile } from "../../io/host.ts";
import { signedHeaders, type HuaweiKeys } from "./signature.ts";
import { parseObject, RemoteFailure, textAt, type Wire } from "../remote.ts";

export interface HuaweiCredentials extends HuaweiKeys {
  /** Asked of IAM where it is not given. */
  projectId: string | undefined;
  iamEndpoint: string | undefined;
}

/**
 * Credentials from the first source that is there: variables, the file, the metadata of the instance (spec keys section 9).
 *
 * @throws {RemoteFailure}
 */
export async function findHuaweiCredentials(wire: Wire): Promise<HuaweiCredentials> {
  const found = fromEnvironment(wire) ?? (await fromFile(wire)) ?? (await fromMetadataServer(wire));
  if (found === undefined)
    throw new RemoteFailure(
      "no HuaweiCloud credentials were found",
      "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write ~/.huaweicloud/credentials",
      "missing",
    );
  wire.hide(found.secretKey);
  wire.hide(found.securityToken);
  return found;
}

function fromEnvironment({ host: { env } }: Wire): HuaweiCredentials | undefined {
  const accessKey = env["HUAWEICLOUD_SDK_AK"];
  const secretKey = env["HUAWEICLOUD_SDK_SK"];
  if (!accessKey || !secretKey) return undefined;
  return {
    accessKey,
    secretKey,
    securityToken: env["HUAWEICLOUD_SDK_SECURITY_TOKEN"] || undefined,
    projectId: env["HUAWEICLOUD_SDK_PROJECT_ID"] || undefined,
    iamEndpoint: env["HUAWEICLOUD_SDK_IAM_ENDPOINT"] || undefined,
  };
}

/** The section `basic` of an INI file. */
async function fromFile({ host }: Wire): Promise<HuaweiCredentials | undefined> {
  const { env } = host;
  const named = env["HUAWEICLOUD_SDK_CREDENTIALS_FILE"];
  const home = env["HOME"] ?? env["USERPROFILE"];
  const path = named || (home && `${home}/.huaweicloud/credentials`);
  if (!path) return undefined;
  let content: string;
  try {
    content = Buffer.from(await host.readFile(path, namedFile)).toString("utf8");
  } catch {
    if (!named) return undefined;
    throw new RemoteFailure(
      `the file ${path}, which HUAWEICLOUD_SDK_CREDENTIALS_FILE names, cannot be read`,
      "correct the path",
    );
  }
  const { parse } = await import("ini");
  const section: unknown = parse(content)["basic"];
  const accessKey = textAt(section, "ak");
  const secretKey = textAt(section, "sk");
  if (!accessKey || !secretKey)
    throw new RemoteFailure(`${path} has no ak and sk in the section [basic]`, "add them");
  return {
    accessKey,
    secretKey,
    securityToken: textAt(section, "security_token") || undefined,
    projectId: textAt(section, "project_id") || undefined,
    iamEndpoint: textAt(section, "iam_endpoint") || undefined,
  };
}

const METADATA_ADDRESS = "http://169.254.169.254";

/** Milliseconds; the metadata server answers at once, or is not there. */
const METADATA_LIMIT = 1000;

async function fromMetadataServer(wire: Wire): Promise<HuaweiCredentials | undefined> {
  const url = `${METADATA_ADDRESS}/openstack/latest/securitykey`;
  try {
    const response = await wire.send({ method: "GET", url, proxy: "none" }, METADATA_LIMIT);
    if (response.status !== 200) return undefined;
    const credential = parseObject(response, "the metadata server")["credential"];
    const accessKey = textAt(credential, "access");
    const secretKey = textAt(credential, "secret");
    if (!accessKey || !secretKey) return undefined;
    const securityToken = textAt(credential, "securitytoken");
    return { accessKey, secretKey, securityToken, projectId: undefined, iamEndpoint: undefined };
  } catch (error) {
    if (error instanceof RemoteFailure) return undefined;
    throw error;
  }
}

/** The id of the account's project for a region, as IAM knows it. */
export async function findProject(
  region: string,
  credentials: HuaweiCredentials,
  wire: Wire,
): Promise<string> {
  const domain = region.startsWith("eu-west-1") ? "myhuaweicloud.eu" : "myhuaweicloud.com";
  const endpoint = credentials.iamEndpoint ?? `iam.${region}.${domain}`;
  const base = (/^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`).replace(
    /\/+$/,
    "",
  );
  const request = {
    method: "GET",
    url: `${base}/v3/projects?name=${encodeURIComponent(region)}`,
    headers: { "content-type": "application/json;charset=UTF-8" },
    body: "",
  };
  const headers = signedHeaders(request, credentials, wire.host.now());
  const response = await wire.send({ method: "GET", url: request.url, headers });
  const projects = response.status === 200 ? parseObject(response, "IAM")["projects"] : undefined;
  const id = Array.isArray(projects) ? textAt(projects[0], "id") : undefined;
  if (id === undefined)
    throw new RemoteFailure(
      `IAM lists no project for ${region} (status ${response.status})`,
      "set HUAWEICLOUD_SDK_PROJECT_ID",
    );
  return id;
}
