import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Both, withoutWaiting } from "./both.ts";
import { Moto, type AwsKeys } from "./moto.ts";
import { startStub, type Stub } from "./stub.ts";

let moto: Moto;
let both: Both;
let arn: string;
let role: string;
let user: AwsKeys;
let reader: AwsKeys;
/** Temporary credentials, with a session token that moto checks. */
let temporary: AwsKeys;

const variables = (keys: AwsKeys): Record<string, string> => ({
  AWS_ACCESS_KEY_ID: keys.AccessKeyId,
  AWS_SECRET_ACCESS_KEY: keys.SecretAccessKey,
  ...(keys.SessionToken === "" ? {} : { AWS_SESSION_TOKEN: keys.SessionToken }),
});
const profile = (name: string, keys: AwsKeys): string =>
  `[${name}]\naws_access_key_id = ${keys.AccessKeyId}\naws_secret_access_key = ${keys.SecretAccessKey}\n` +
  (keys.SessionToken === "" ? "" : `aws_session_token = ${keys.SessionToken}\n`);

beforeAll(async () => {
  moto = await Moto.start();
  arn = await moto.createKey();
  await moto.kms("CreateAlias", { AliasName: "alias/team", TargetKeyId: arn.split("/")[1] });
  user = await moto.createUser("ci", ["kms:*", "sts:*"]);
  reader = await moto.createUser("reader", ["kms:Describe*"]);
  role = await moto.createRole("sealer", ["kms:*"]);
  temporary = await moto.assume(role);
  await moto.enforce();
  both = new Both({ AWS_ENDPOINT_URL: moto.url, AWS_EC2_METADATA_DISABLED: "true" });
  mkdirSync(both.box.path(".aws/sso/cache"), { recursive: true });
}, 90_000);
afterAll(async () => {
  both?.remove();
  await moto?.stop();
});

test("real sops unwraps what sopsmith wraps, and vice versa", async () => {
  const [ours = ""] = await both.expectExchange(["--kms", arn], variables(user));
  expect(ours).toMatch(
    / kms:\n +- arn: arn:aws:kms:\S+\n +aws_profile: ""\n +created_at: \S+\n +enc: /,
  );
});

test("a variable names the keys if no flag does", async () => {
  await both.expectExchange([], { ...variables(user), SOPS_KMS_ARN: arn });
});

test("an alias and a session's temporary credentials work", async () => {
  const alias = "arn:aws:kms:us-east-1:123456789012:alias/team";
  await both.expectExchange(["--kms", alias], variables(temporary));
});

test("an encryption context is part of the key: it is stored, and another one does not open it", async () => {
  const flags = ["--kms", arn, "--encryption-context", "Env:prod,App:web"];
  const [ours = ""] = await both.expectExchange(flags, variables(user));
  expect(ours).toMatch(/context:\n +App: web\n +Env: prod\n/);
  both.box.write("changed.yaml", ours.replace("App: web", "App: other"));
  const report = await both.unwrapError("changed.yaml", variables(user));
  expect(report).toContain(`${arn}|App:other,Env:prod: FAILED`);
  expect(report).toContain("InvalidCiphertextException; restore the `sops` block");
});

test("a context that an old sops wrapped with one value in place of all is found", async () => {
  const sealed = await both.sealed(
    ["--kms", arn, "--encryption-context", "App:web,Env:web"],
    variables(user),
  );
  both.box.write("old.yaml", both.box.read(sealed).replace("Env: web", "Env: prod"));
  await both.expectOpens("old.yaml", variables(user));
});

test.each(["App", "App:web:more", "App:web,Env"])("refuses the context %j", async (context) => {
  const args = ["encrypt", "--kms", arn, "--encryption-context", context, "plain.yaml"];
  for (const program of ["sopsmith", "sops"] as const) {
    const { code, stdout, stderr } = await both[program](args, variables(user));
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toContain("Invalid KMS encryption context format");
  }
});

test("a role is assumed first, and its credentials then use the key", async () => {
  const texts = await both.expectExchange(["--kms", `${arn}+${role}`], variables(user));
  for (const text of texts) expect(text).toContain(`role: ${role}`);
  const denied = await both.wrapError(["--kms", `${arn}+${role}`], variables(reader));
  expect(denied).toContain(`failed to assume role '${role}': `);
});

test("a profile of the shared files, by flag, is stored and takes precedence over variables", async () => {
  const forged = { ...user, SecretAccessKey: "forged" };
  both.box.write(
    ".aws/credentials",
    profile("team", user) + profile("default", temporary) + profile("forged", forged),
  );
  const wrong = { AWS_ACCESS_KEY_ID: "AKIAWRONG", AWS_SECRET_ACCESS_KEY: "wrong-secret" };
  const texts = await both.expectExchange(["--kms", arn, "--aws-profile", "team"], wrong);
  for (const text of texts) expect(text).toContain("aws_profile: team");
  await both.expectExchange(["--kms", arn]);
  await both.expectExchange(["--kms", arn], { AWS_PROFILE: "team" });
  // Variables go before a profile that only a variable names.
  await both.expectExchange(["--kms", arn], { ...variables(user), AWS_PROFILE: "forged" });
});

test("files of other names hold profiles that assume a role or run a program", async () => {
  both.box.write("my-credentials", profile("base", user));
  const { AccessKeyId, SecretAccessKey, SessionToken } = temporary;
  const json = { Version: 1, AccessKeyId, SecretAccessKey, SessionToken };
  both.box.write("credentials.json", JSON.stringify(json));
  both.box.write(
    "my-config",
    `[profile assumed]\nrole_arn = ${role}\nsource_profile = base\nregion = us-east-1\n` +
      `[profile program]\ncredential_process = cat ${both.box.path("credentials.json")}\n`,
  );
  const files = {
    AWS_CONFIG_FILE: both.box.path("my-config"),
    AWS_SHARED_CREDENTIALS_FILE: both.box.path("my-credentials"),
  };
  // Real sops asks the true STS for a profile's role, whatever AWS_ENDPOINT_URL says.
  await both.expectRoundTrip(["--kms", arn, "--aws-profile", "assumed"], files);
  await both.expectExchange(["--kms", arn], { ...files, AWS_PROFILE: "program" });
});

test("a rule's profile, role and context reach the key, in both forms", async () => {
  both.box.write(".aws/credentials", profile("team", user) + profile("default", user));
  both.box.write(
    ".sops.yaml",
    `creation_rules:
  - path_regex: flat
    kms: ${arn}
    aws_profile: team
  - path_regex: groups
    key_groups:
      - kms: [{ arn: "${arn}", role: "${role}", context: { b: two, a: one }, aws_profile: team }]
`,
  );
  const [flat = ""] = await both.expectExchange(["--filename-override", "flat.yaml"]);
  expect(flat).toContain("aws_profile: team");
  const [groups = ""] = await both.expectExchange(["--filename-override", "groups.yaml"]);
  expect(groups).toMatch(/aws_profile: team\n +context:\n +a: one\n +b: two\n[^]*role: arn:/);
  // Only the form without a command gives the flag's context to the rule's keys.
  both.box.write("flat.yaml", "a: b\n");
  const context = ["--encryption-context", "k:v"];
  for (const program of ["sopsmith", "sops"] as const) {
    const legacy = await both[program](["-e", ...context, "flat.yaml"]);
    expect(legacy.stdout).toMatch(/context:\n +k: v\n/);
    const command = await both[program](["encrypt", ...context, "flat.yaml"]);
    expect(command).toMatchObject({ code: 0, stdout: expect.not.stringContaining("context:") });
  }
  rmSync(both.box.path(".sops.yaml"));
});

test("rotate adds and removes a key with its context", async () => {
  both.box.write(".aws/credentials", profile("default", user));
  const file = await both.sealed(["--kms", arn]);
  const context = ["--encryption-context", "k:v"];
  const added = await both.sopsmith(["rotate", ...context, "--add-kms", arn, file]);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/context:\n +k: v\n/) });
  both.box.write("added.yaml", added.stdout);
  expect(await both.sops(["decrypt", "added.yaml"])).toMatchObject({ code: 0 });
  const removed = await both.sopsmith(["rotate", ...context, "--rm-kms", arn, "added.yaml"]);
  expect(removed).toMatchObject({ code: 0, stdout: expect.not.stringContaining("context:") });
  expect(removed.stdout.match(/ - arn:/g)).toHaveLength(1);
});

/** A stub of AWS's single sign-on portal, which no registry has a server for. */
async function startPortal(): Promise<Stub> {
  return startStub(({ path, query, headers }) => {
    const isRight =
      path === "/federation/credentials" &&
      headers["x-amz-sso_bearer_token"] === "sso-access-token" &&
      query.get("account_id") === "123456789012" &&
      query.get("role_name") === "sealer";
    if (!isRight)
      return {
        status: 401,
        headers: { "x-amzn-errortype": "UnauthorizedException" },
        body: { message: "Session token not found or invalid" },
      };
    const { AccessKeyId, SecretAccessKey, SessionToken } = temporary;
    const expiration = Date.now() + 3_600_000;
    return {
      body: {
        roleCredentials: {
          accessKeyId: AccessKeyId,
          secretAccessKey: SecretAccessKey,
          sessionToken: SessionToken,
          expiration,
        },
      },
    };
  });
}

test("the session of `aws sso login` works, and an expired one says how to renew it", async () => {
  const portal = await startPortal();
  const start = "https://team.awsapps.com/start";
  both.box.write(
    "sso-config",
    `[profile sso]\nsso_start_url = ${start}\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = sealer\nregion = us-east-1\n`,
  );
  const env = {
    AWS_CONFIG_FILE: both.box.path("sso-config"),
    AWS_PROFILE: "sso",
    AWS_ENDPOINT_URL_SSO: portal.url,
  };
  const cache = `.aws/sso/cache/${createHash("sha1").update(start).digest("hex")}.json`;
  const session = (accessToken: string, hours: number) =>
    both.box.write(
      cache,
      JSON.stringify({
        startUrl: start,
        region: "us-east-1",
        accessToken,
        expiresAt: new Date(Date.now() + hours * 3_600_000).toISOString(),
      }),
    );
  session("sso-access-token", 1);
  await both.expectExchange(["--kms", arn], env);
  for (const hours of [-1]) {
    session("sso-access-token", hours);
    expect(await both.wrapError(["--kms", arn], env)).toContain(
      "the SSO session has expired or was never started; run aws sso login --profile sso",
    );
  }
  session("sso-refused-token", 1);
  const refused = await both.wrapError(["--kms", arn], env);
  expect(refused).toContain("Session token not found or invalid");
  expect(refused).not.toContain("sso-refused-token");
  await portal.close();
});

const answerOf = ({ AccessKeyId, SecretAccessKey, SessionToken }: AwsKeys) => ({
  AccessKeyId,
  SecretAccessKey,
  Token: SessionToken,
  Expiration: new Date(Date.now() + 3_600_000).toISOString(),
});

test("a container's credentials work", async () => {
  // A stub of the endpoint that ECS and EKS give to a container.
  const stub = await startStub(({ path, headers }) =>
    path === "/role" && headers["authorization"] === "container-token"
      ? { body: answerOf(temporary) }
      : { status: 401, body: { code: "Unauthorized", message: "wrong token" } },
  );
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${stub.url}/role`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "container-token",
  };
  const file = both.box.path("no-such-file");
  const none = { AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: file };
  await both.expectExchange(["--kms", arn], { ...none, ...env });
  await stub.close();
});

test("the token of a web identity works", async () => {
  // A stub of STS: moto lets nobody in without a signature once it checks them.
  const sts = await startStub(({ body }) => {
    const form = new URLSearchParams(body);
    const { AccessKeyId, SecretAccessKey, SessionToken } = temporary;
    return form.get("WebIdentityToken") === "a.web.token" && form.get("RoleArn") === role
      ? {
          headers: { "content-type": "text/xml" },
          body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${AccessKeyId}</AccessKeyId><SecretAccessKey>${SecretAccessKey}</SecretAccessKey><SessionToken>${SessionToken}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
        }
      : {
          status: 400,
          body: "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>",
        };
  });
  both.box.write("web-token", "a.web.token");
  await both.expectRoundTrip(["--kms", arn], {
    ...nothing(),
    AWS_WEB_IDENTITY_TOKEN_FILE: both.box.path("web-token"),
    AWS_ROLE_ARN: role,
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  await sts.close();
});

test("an instance's credentials work", async () => {
  // A stub of the metadata service, version 2, of an EC2 instance.
  const stub = await startStub(({ method, path, headers }) => {
    if (method === "PUT" && path === "/latest/api/token")
      return { body: "metadata-token", headers: { "x-aws-ec2-metadata-token-ttl-seconds": "600" } };
    if (headers["x-aws-ec2-metadata-token"] !== "metadata-token") return { status: 401 };
    if (path === "/latest/meta-data/iam/security-credentials/") return { body: "sealer" };
    if (path === "/latest/meta-data/iam/security-credentials/sealer")
      return {
        body: JSON.stringify({
          ...answerOf(temporary),
          Code: "Success",
          Type: "AWS-HMAC",
          LastUpdated: new Date().toISOString(),
        }),
      };
    return { status: 404 };
  });
  const file = both.box.path("no-such-file");
  await both.expectExchange(["--kms", arn], {
    AWS_SHARED_CREDENTIALS_FILE: file,
    AWS_CONFIG_FILE: file,
    AWS_EC2_METADATA_DISABLED: "false",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: stub.url,
  });
  await stub.close();
});

const nothing = () => ({
  AWS_SHARED_CREDENTIALS_FILE: both.box.path("no-such-file"),
  AWS_CONFIG_FILE: both.box.path("no-such-file"),
});

test("a machine without credentials gets an error in about a second", async () => {
  const silent = await startStub(() => "hang");
  const begun = performance.now();
  const line = await both.wrapError(["--kms", arn], {
    ...nothing(),
    AWS_EC2_METADATA_DISABLED: "false",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: silent.url,
  });
  expect(performance.now() - begun).toBeLessThan(withoutWaiting);
  await silent.close();
  expect(line).toBe(
    `Could not generate data key: [failed to encrypt new data key with master key "${arn}": failed to encrypt sops data key with AWS KMS: no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or log in with aws sso login]`,
  );
});

test("a missing profile is named", async () => {
  const line = await both.wrapError(["--kms", arn, "--aws-profile", "ghost"], nothing());
  expect(line).toContain(
    "no AWS credentials were found for profile ghost; add the profile ghost with aws configure --profile ghost, or name another",
  );
});

test("a missing key, a wrong secret and an identity without permission are told apart", async () => {
  const lost = arn.replace(/[^/]+$/, "00000000-0000-0000-0000-000000000000");
  expect(await both.wrapError(["--kms", lost], variables(user))).toMatch(
    /NotFoundException: Key '[^']*' does not exist; check the ARN, its region and its account/,
  );
  const forged = { ...variables(user), AWS_SECRET_ACCESS_KEY: "a-forged-secret-key" };
  const line = await both.wrapError(["--kms", arn], forged);
  expect(line).toContain("; check the access key and its secret, and the clock of this machine");
  expect(line).not.toContain("a-forged-secret-key");
  expect(await both.wrapError(["--kms", arn], variables(reader))).toContain(
    "let these credentials use the key",
  );
});

test.each(["arn:aws:kms:us-east-1:1:key", "key/1", "arn:aws:s3:us-east-1:1:key/1"])(
  "the ARN %s is refused before anything is sent",
  async (wrong) => {
    expect(await both.wrapError(["--kms", wrong], variables(user))).toContain(
      `no valid ARN found in '${wrong}'; correct it: arn:aws:kms:REGION:ACCOUNT:key/ID`,
    );
  },
);

test("a server that does not exist", async () => {
  const env = { ...variables(user), AWS_ENDPOINT_URL: "http://127.0.0.1:1" };
  expect(await both.wrapError(["--kms", arn], env)).toContain(
    "127.0.0.1:1 cannot be reached: connection refused; check the network",
  );
});

test.each<[string, number, string]>([
  [
    "ExpiredTokenException",
    400,
    "renew the credentials (aws sso login, or a new AWS_SESSION_TOKEN)",
  ],
  ["AccessDeniedException", 400, "let these credentials use the key"],
  ["DisabledException", 400, "enable the key: aws kms enable-key"],
  ["KMSInvalidStateException", 400, "cancel the key's deletion and enable it, or use another key"],
  ["UnrecognizedClientException", 400, "check the access key and its secret"],
  ["InvalidSignatureException", 403, "check the access key and its secret"],
])("the answer %s comes with what to do", async (name, status, remedy) => {
  // A stub that answers as AWS does where moto knows no such answer; it repeats what it was sent.
  const stub = await startStub(({ headers }) => ({
    status,
    headers: { "x-amzn-errortype": name },
    body: {
      __type: name,
      message: `told\nin two lines, with ${headers["x-amz-security-token"]} and ${variables(temporary)["AWS_SECRET_ACCESS_KEY"]}`,
    },
  }));
  const file = await both.sealed(["--kms", arn], variables(user));
  const env = { ...variables(temporary), AWS_ENDPOINT_URL: stub.url };
  for (const said of [
    await both.wrapError(["--kms", arn], env),
    await both.unwrapError(file, env),
  ]) {
    expect(said).toContain(`${name}: told in two lines, with … and …; ${remedy}`);
    expect(said).not.toContain(temporary.SessionToken);
    expect(said).not.toContain(temporary.SecretAccessKey);
  }
  await stub.close();
});

test("a wrapped data key that is not base64 is called damaged", async () => {
  const file = await both.sealed(["--kms", arn], variables(user));
  both.box.write("damaged.yaml", both.box.read(file).replace(/enc: \S+/, 'enc: "*"'));
  expect(await both.unwrapError("damaged.yaml", variables(user))).toContain(
    "error base64-decoding encrypted data key; restore the `sops` block from version control",
  );
});
