import type { KeyProvider } from "../provider.ts";
import { namedFile, type HttpResponse } from "../../io/host.ts";
import type { Mapping } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import { findHuaweiCredentials, findProject } from "./credentials.ts";
import { signedHeaders } from "./signature.ts";
import {
  answered,
  parseObject,
  RemoteFailure,
  remoteKeys,
  textAt,
  wrappedByAnother,
  type Wire,
} from "../remote.ts";

const calls: Pick<KeyProvider, "wrap" | "unwrap"> = remoteKeys({
  failed: (verb) => `failed to ${verb} sops data key with HuaweiCloud KMS: `,
  async wrap(fields, part, wire) {
    const plain = Buffer.from(part).toString("base64");
    const cipher = textAt(
      await call(fields, "encrypt-data", { plain_text: plain }, wire),
      "cipher_text",
    );
    if (!cipher) throw noResult();
    return cipher;
  },
  async unwrap(fields, enc, wire) {
    const plain = textAt(
      await call(fields, "decrypt-data", { cipher_text: enc }, wire),
      "plain_text",
    );
    if (!plain) throw noResult();
    return new Uint8Array(Buffer.from(plain, "base64"));
  },
});
export const wrap: KeyProvider["wrap"] = calls.wrap;
export const unwrap: KeyProvider["unwrap"] = calls.unwrap;

const noResult = () =>
  new RemoteFailure("HuaweiCloud KMS answered without a result", "check the region's endpoint");

async function call(
  fields: Mapping,
  operation: "encrypt-data" | "decrypt-data",
  body: Record<string, string>,
  wire: Wire,
): Promise<unknown> {
  const id = readText(fields, "key_id");
  const at = id.indexOf(":");
  const region = id.slice(0, at);
  const base = await endpoint(region, wire);
  const credentials = await findHuaweiCredentials(wire);
  const project = credentials.projectId ?? (await findProject(region, credentials, wire));
  const request = {
    method: "POST",
    url: `${base}/v1.0/${encodeURIComponent(project)}/kms/${operation}`,
    headers: {
      "content-type": "application/json;charset=UTF-8",
      "x-project-id": project,
    },
    body: JSON.stringify({
      ...body,
      encryption_algorithm: "SYMMETRIC_DEFAULT",
      key_id: id.slice(at + 1),
    }),
  };
  const headers = signedHeaders(request, credentials, wire.host.now());
  const response = await wire.send({ ...request, headers });
  if (response.status >= 200 && response.status < 300)
    return parseObject(response, "HuaweiCloud KMS");
  throw refusal(response, operation);
}

/** The regions that have a KMS. */
const regions =
  "ae-ad-1 af-north-1 af-south-1 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 cn-east-2 cn-east-3 cn-east-4 cn-east-5 cn-north-1 cn-north-2 cn-north-4 cn-north-9 cn-north-11 cn-north-12 cn-south-1 cn-south-2 cn-south-4 cn-southwest-2 cn-southwest-3 eu-west-101 la-north-2 la-south-2 me-east-1 my-kualalumpur-1 na-mexico-1 ru-moscow-1 sa-brazil-1 tr-west-1".split(
    " ",
  );

/** A variable before a line of the regions file before the address that is known. */
async function endpoint(region: string, wire: Wire): Promise<string> {
  const { env } = wire.host;
  const name = `HUAWEICLOUD_SDK_REGION_KMS_${region.toUpperCase().replaceAll("-", "_")}`;
  const given = env[name]?.split(",")[0]?.trim() || (await endpointInFile(region, wire));
  if (given) return given.replace(/\/+$/, "");
  if (!regions.includes(region))
    throw new RemoteFailure(
      `invalid region "${region}": region id '${region}' is not in the following supported regions of service 'KMS': [${regions.join(", ")}]`,
      `correct the region, or set ${name}`,
    );
  const domain = region === "eu-west-101" ? "myhuaweicloud.eu" : "myhuaweicloud.com";
  return `https://kms.${region}.${domain}`;
}

async function endpointInFile(region: string, { host }: Wire): Promise<string | undefined> {
  const { env } = host;
  const named = env["HUAWEICLOUD_SDK_REGIONS_FILE"];
  const home = env["HOME"] ?? env["USERPROFILE"];
  const path = named || (home && `${home}/.huaweicloud/regions.yaml`);
  if (!path) return undefined;
  let content: string;
  try {
    content = Buffer.from(await host.readFile(path, namedFile)).toString("utf8");
  } catch {
    return undefined;
  }
  const { parse } = await import("yaml");
  const services: unknown = parse(content);
  const entries: unknown =
    typeof services === "object" && services !== null
      ? (services as Record<string, unknown>)["KMS"]
      : undefined;
  if (!Array.isArray(entries)) return undefined;
  const found: unknown = entries.find((one) => textAt(one, "id") === region);
  return textAt(found, "endpoint") ?? textAt(found, "endpoints", "0");
}

function refusal(response: HttpResponse, operation: string): RemoteFailure {
  let answer: Record<string, unknown>;
  try {
    answer = parseObject(response, "HuaweiCloud KMS");
  } catch {
    answer = {};
  }
  const code = textAt(answer, "error", "error_code") ?? textAt(answer, "error_code") ?? "";
  const message = textAt(answer, "error", "error_msg") ?? textAt(answer, "error_msg") ?? "";
  const said = answered("HuaweiCloud KMS", response, code, message);
  if (response.status === 401)
    return new RemoteFailure(
      said,
      "check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, renew temporary credentials, and check this machine's clock",
    );
  if (/disabled|pending deletion/i.test(message))
    return new RemoteFailure(said, "enable the key in HuaweiCloud's console");
  if (response.status === 403)
    return new RemoteFailure(said, `let these credentials use ${operation} on the key`);
  if (response.status === 404)
    return new RemoteFailure(said, "check the key's id, its region and the project");
  if (response.status === 400 && operation === "decrypt-data") return wrappedByAnother(said);
  if (response.status === 429 || response.status >= 500)
    return new RemoteFailure(said, "try again later");
  return new RemoteFailure(said, "see what HuaweiCloud says about this error");
}
