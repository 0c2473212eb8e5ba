import { createHash, createHmac } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { huaweiKms } from "../../src/keys/huawei-kms/huawei-kms.ts";
import { Both, withoutWaiting } from "./both.ts";
import { fakeHost } from "./fake-host.ts";
import { startStub, StubKey, type Stub, type StubAnswer, type StubRequest } from "./stub.ts";

// A stub of HuaweiCloud's KMS and IAM, for sopsmith and for real sops: no registry has one. It checks each signature by
// the vendor's description of it, on its own.

const accessKey = "AKFORTESTS";
const secretKey = "a-secret-key-for-tests";
const sealing = new StubKey();

const refuse = (status: number, error_code: string, error_msg: string): StubAnswer => ({
  status,
  body: { error: { error_code, error_msg } },
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function isSigned({ method, path, query, headers, body }: StubRequest): boolean {
  const [, access, list = "", signature] =
    /^SDK-HMAC-SHA256 Access=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(
      headers["authorization"] ?? "",
    ) ?? [];
  const date = headers["x-sdk-date"] ?? "";
  const age =
    Date.now() - Date.parse(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z"));
  const canonical = [
    method,
    path.endsWith("/") ? path : `${path}/`,
    query.toString(),
    ...list.split(";").map((name) => `${name}:${headers[name]}`),
    "",
    list,
    sha256(body),
  ].join("\n");
  const expected = createHmac("sha256", secretKey)
    .update(`SDK-HMAC-SHA256\n${date}\n${sha256(canonical)}`)
    .digest("hex");
  const covers = list.split(";");
  return (
    access === accessKey &&
    signature === expected &&
    Math.abs(age) < 900_000 &&
    covers.includes("x-sdk-date")
  );
}

function answer(request: StubRequest): StubAnswer | "hang" {
  const { path, headers, query, body } = request;
  if (!isSigned(request))
    return refuse(
      401,
      "APIGW.0301",
      `Incorrect IAM authentication information: ${headers["authorization"]}`,
    );
  if (headers["x-security-token"] === "an-expired-token")
    return refuse(401, "APIGW.0301", `the token ${headers["x-security-token"]} has expired`);
  if (path === "/v3/projects")
    return {
      body: {
        projects: query.get("name") === "tr-west-1" ? [{ id: "project", name: "tr-west-1" }] : [],
      },
    };
  const [, operation] = /^\/v1\.0\/project\/kms\/([a-z-]+)$/.exec(path) ?? [];
  if (operation === undefined || headers["x-project-id"] !== "project")
    return refuse(
      404,
      "APIGW.0101",
      "The API does not exist or has not been published in the environment",
    );
  const input = JSON.parse(body) as Record<string, string>;
  if (input["encryption_algorithm"] !== "SYMMETRIC_DEFAULT")
    return refuse(400, "KMS.0201", "Invalid request URL.");
  if (input["key_id"] === "none") return refuse(404, "KMS.1101", "The key does not exist.");
  if (input["key_id"] === "closed")
    return refuse(403, "KMS.0206", "The user does not have the permission.");
  if (input["key_id"] === "disabled") return refuse(400, "KMS.1103", "The key is disabled.");
  if (operation === "encrypt-data")
    return {
      body: {
        key_id: input["key_id"],
        cipher_text: sealing.seal(Buffer.from(input["plain_text"] ?? "")).toString("base64"),
      },
    };
  const opened = sealing.open(Buffer.from(input["cipher_text"] ?? "", "base64"));
  if (opened === undefined) return refuse(400, "KMS.1601", "The ciphertext cannot be decrypted.");
  return { body: { key_id: input["key_id"], plain_text: opened.toString() } };
}

let stub: Stub;
let both: Both;
const id = (name = "0d0466b0-e727-4d9c-b35d-f84bb474a37f") => `tr-west-1:${name}`;
const to = (name?: string) => ["--hckms", id(name)];
const keys = { HUAWEICLOUD_SDK_AK: accessKey, HUAWEICLOUD_SDK_SK: secretKey };
const all = { ...keys, HUAWEICLOUD_SDK_PROJECT_ID: "project" };

beforeAll(async () => {
  stub = await startStub(answer);
  both = new Both({
    HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1: stub.url,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: stub.url,
  });
});
afterAll(async () => {
  both?.remove();
  await stub?.close();
});

test("real sops unwraps what sopsmith wraps, and vice versa", async () => {
  const [ours = ""] = await both.expectExchange(to(), all);
  expect(ours).toMatch(/hckms:\n +- created_at: \S+\n +enc: \S+\n +key_id: tr-west-1:0d0466b0-/);
});

test("a variable names the keys if no flag does", async () => {
  await both.expectExchange([], { ...all, SOPS_HUAWEICLOUD_KMS_IDS: id() });
});

test("the metadata server's credentials work, and are sent with their token", async () => {
  // The server's address is fixed, so this stub of it stands in for the network itself.
  const asked: string[] = [];
  const json = (body: object) => ({
    status: 200,
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
  });
  const host = fakeHost({
    fetch: ({ url, headers }) => {
      asked.push(url);
      if (url === "http://169.254.169.254/openstack/latest/securitykey")
        return json({ credential: { access: accessKey, secret: secretKey, securitytoken: "s" } });
      expect(headers).toMatchObject({ "x-security-token": "s" });
      return url.includes("/v3/projects?")
        ? json({ projects: [{ id: "project" }] })
        : json({ cipher_text: "sealed" });
    },
  });
  const [key] = await huaweiKms.parse(id(), host);
  expect(key && (await huaweiKms.wrap(key, Buffer.alloc(32), host))).toBe("sealed");
  expect(asked.slice(1)).toEqual([
    "https://iam.tr-west-1.myhuaweicloud.com/v3/projects?name=tr-west-1",
    "https://kms.tr-west-1.myhuaweicloud.com/v1.0/project/kms/encrypt-data",
  ]);
});

test("temporary credentials are sent with their token", async () => {
  await both.expectExchange(to(), { ...all, HUAWEICLOUD_SDK_SECURITY_TOKEN: "a-session-token" });
  expect(stub.requests.at(-1)?.headers["x-security-token"]).toBe("a-session-token");
});

test("without a project, IAM is asked for it", async () => {
  // Real sops asks by https only, whatever the address of IAM says.
  await both.expectRoundTrip(to(), keys);
  expect(stub.requests.map(({ path }) => path)).toContain("/v3/projects");
});

test("the credentials file works, by its default name and by a variable", async () => {
  const file = `[basic]\nak = ${accessKey}\nsk = ${secretKey}\nproject_id = project\n`;
  mkdirSync(both.box.path(".huaweicloud"), { recursive: true });
  both.box.write(".huaweicloud/credentials", file);
  await both.expectExchange(to());
  rmSync(both.box.path(".huaweicloud"), { recursive: true });
  both.box.write("my-credentials", file);
  await both.expectExchange(to(), {
    HUAWEICLOUD_SDK_CREDENTIALS_FILE: both.box.path("my-credentials"),
  });
});

test("a file names the addresses of regions", async () => {
  both.box.write("regions.yaml", `KMS:\n  - id: mine-1\n    endpoint: ${stub.url}\n`);
  const env = { ...all, HUAWEICLOUD_SDK_REGIONS_FILE: both.box.path("regions.yaml") };
  await both.expectExchange(["--hckms", "mine-1:k"], env);
});

test("a rule's flat list and key groups name keys", async () => {
  both.box.write(
    ".sops.yaml",
    `creation_rules:\n  - path_regex: group\n    key_groups:\n      - hckms: [{ key_id: "${id()}" }]\n  - hckms: ["${id()}"]\n`,
  );
  await both.expectExchange([], all);
  await both.expectExchange(["--filename-override", "group.yaml"], all);
  rmSync(both.box.path(".sops.yaml"));
});

test("a machine without credentials gets an error in about a second", async () => {
  const begun = performance.now();
  const line = await both.wrapError(to());
  expect(performance.now() - begun).toBeLessThan(withoutWaiting);
  expect(line).toBe(
    `Could not generate data key: [failed to encrypt new data key with master key "${id()}": failed to encrypt sops data key with HuaweiCloud KMS: no HuaweiCloud credentials were found; set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write ~/.huaweicloud/credentials]`,
  );
});

test.each<[string, string, Record<string, string>, string]>([
  [
    "a wrong secret key",
    id(),
    { ...all, HUAWEICLOUD_SDK_SK: "a-wrong-secret-key" },
    "HuaweiCloud KMS answered 401 APIGW.0301: Incorrect IAM authentication information: ",
  ],
  [
    "an expired token",
    id(),
    { ...all, HUAWEICLOUD_SDK_SECURITY_TOKEN: "an-expired-token" },
    "401 APIGW.0301: the token … has expired; check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, renew temporary credentials, and check this machine's clock",
  ],
  [
    "a key that is not there",
    id("none"),
    all,
    "404 KMS.1101: The key does not exist.; check the key's id, its region and the project",
  ],
  [
    "a key that may not be used",
    id("closed"),
    all,
    "403 KMS.0206: The user does not have the permission.; let these credentials use encrypt-data on the key",
  ],
  [
    "a disabled key",
    id("disabled"),
    all,
    "400 KMS.1103: The key is disabled.; enable the key in HuaweiCloud's console",
  ],
  [
    "an unknown region",
    "mars-1:k",
    all,
    `invalid region "mars-1": region id 'mars-1' is not in the following supported regions of service 'KMS': [`,
  ],
  [
    "a server that is not there",
    id(),
    { ...all, HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1: "http://127.0.0.1:1" },
    "127.0.0.1:1 cannot be reached: connection refused; check the network",
  ],
  [
    "a file of credentials that is not there",
    id(),
    { HUAWEICLOUD_SDK_CREDENTIALS_FILE: "/nope" },
    "the file /nope, which HUAWEICLOUD_SDK_CREDENTIALS_FILE names, cannot be read; correct the path",
  ],
])("says in one line what is wrong: %s", async (_, key, env, cause) => {
  const line = await both.wrapError(["--hckms", key], env);
  expect(line).toContain(
    `master key "${key}": failed to encrypt sops data key with HuaweiCloud KMS: `,
  );
  expect(line).toContain(cause);
  expect(line).not.toMatch(/a-wrong-secret-key|an-expired-token/);
});

test("unwrapping says which key failed, why, and what to do", async () => {
  const file = await both.sealed(to(), all);
  const report = await both.unwrapError(file, { ...all, HUAWEICLOUD_SDK_SK: "a-wrong-secret-key" });
  expect(report).toContain(`${id()}: FAILED`);
  expect(report).toContain(
    "failed to decrypt sops data key with HuaweiCloud KMS: HuaweiCloud KMS answered 401",
  );
  const other = new StubKey().seal(Buffer.alloc(32)).toString("base64");
  both.box.write("damaged.yaml", both.box.read(file).replace(/enc: \S+/, `enc: ${other}`));
  expect(await both.unwrapError("damaged.yaml", all)).toContain(
    "damaged.yaml: restore the `sops` block",
  );
});
