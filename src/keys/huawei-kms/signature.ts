import { createHash, createHmac } from "node:crypto";

/** What signs a request. */
export interface HuaweiKeys {
  accessKey: string;
  secretKey: string;
  /** Of temporary credentials. */
  securityToken?: string | undefined;
}

/**
 * The headers of a request, signed with HuaweiCloud's scheme SDK-HMAC-SHA256.
 *
 * @param headers to send and to sign; `host`, the date and the security token are added
 * @see spec keys section 9
 */
export function signedHeaders(
  request: { method: string; url: string; headers: Record<string, string>; body: string },
  { accessKey, secretKey, securityToken }: HuaweiKeys,
  now: Date,
): Record<string, string> {
  const { host, pathname, searchParams } = new URL(request.url);
  const date = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const headers: Record<string, string> = {
    ...request.headers,
    host,
    "x-sdk-date": date,
    ...(securityToken === undefined ? {} : { "x-security-token": securityToken }),
  };
  const names = Object.keys(headers)
    .filter((name) => name !== "content-type" && !name.includes("_"))
    .toSorted();
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&");
  const path = decodeURIComponent(pathname).split("/").map(encode).join("/");
  const canonical = [
    request.method,
    path.endsWith("/") ? path : `${path}/`,
    query,
    ...names.map((name) => `${name}:${headers[name]?.trim() ?? ""}`),
    "",
    names.join(";"),
    sha256(request.body),
  ].join("\n");
  const signature = createHmac("sha256", secretKey)
    .update(["SDK-HMAC-SHA256", date, sha256(canonical)].join("\n"))
    .digest("hex");
  return {
    ...headers,
    authorization: `SDK-HMAC-SHA256 Access=${accessKey}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Percent encoding of all but letters, digits and `-_.~`. */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
