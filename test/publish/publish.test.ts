import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { Both } from "../keys/both.ts";
import { alice, bob } from "../keys/fake-host.ts";
import { Moto } from "../keys/moto.ts";
import { startStub, type Stub, type StubAnswer, type StubRequest } from "../keys/stub.ts";

// S3 is moto's. Google Cloud Storage and Vault are stubs of their HTTP interfaces: no package registry has the real ones.

const token = "hvs.a-token-for-tests";
const plain =
  "user: shop\nnested:\n  deep: <b>\nlist:\n  - one\n  - q: two\n    r:\n      s: three\n";

let moto: Moto;
let gcs: Stub;
let vault: Stub;
let both: Both;
/** What the stub of Vault holds. */
const secrets = new Map<string, unknown>();

/** Google's JSON interface for uploads of one piece (uploadType=multipart). */
function answerGcs({ method, path, query, headers, body }: StubRequest): StubAnswer {
  const bucket = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(path)?.[1];
  if (method !== "POST" || bucket === undefined) return { status: 404, body: "Not Found" };
  if (bucket === "closed")
    return { status: 403, body: { error: { code: 403, message: "no access to the bucket" } } };
  const boundary = /boundary="?([^";]+)/.exec(headers["content-type"] ?? "")?.[1] ?? "";
  const [meta = "", media = ""] = body
    .split(`--${boundary}`)
    .slice(1, 3)
    .map((part) => part.slice(part.indexOf("\r\n\r\n") + 4).replace(/\r\n$/, ""));
  const named = (JSON.parse(meta) as { name?: string }).name;
  const name = query.get("name") ?? named;
  const md5Hash = createHash("md5").update(media).digest("base64");
  return { body: { kind: "storage#object", bucket, name, md5Hash } };
}

/** Vault's key-value engines, mounted at secret/ (version 2) and old/ (version 1). */
function answerVault({ method, path, headers, body }: StubRequest): StubAnswer {
  if (headers["x-vault-token"] !== token || headers["x-vault-request"] !== "true")
    return { status: 403, body: { errors: [`permission denied for ${headers["x-vault-token"]}`] } };
  if (path.includes("/closed/")) return { status: 403, body: { errors: ["permission denied"] } };
  if (method === "GET") {
    const data = secrets.get(path);
    return data === undefined ? { status: 404, body: { errors: [] } } : { body: { data } };
  }
  if (method !== "PUT") return { status: 405, body: { errors: ["unsupported operation"] } };
  secrets.set(path, JSON.parse(body));
  return { body: { data: { version: 1 } } };
}

beforeAll(async () => {
  [moto, gcs, vault] = await Promise.all([
    Moto.start(),
    startStub(answerGcs),
    startStub(answerVault),
  ]);
  both = new Both(
    {
      SOPS_AGE_KEY: `${alice.identity}\n${bob.identity}`,
      AWS_ENDPOINT_URL: moto.url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_REGION: "us-east-1",
      AWS_EC2_METADATA_DISABLED: "true",
      STORAGE_EMULATOR_HOST: gcs.url,
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: token,
      VAULT_MAX_RETRIES: "0",
    },
    {
      ".sops.yaml": `creation_rules:
  - age: ${alice.recipient}
destination_rules:
  - path_regex: ^s3/
    s3_bucket: bucket
    s3_prefix: some/
  - path_regex: ^again/
    s3_bucket: bucket
    recreation_rule: { age: ${bob.recipient} }
    omit_extensions: true
  - path_regex: ^missing/
    s3_bucket: not-there
  - path_regex: ^gcs/
    gcs_bucket: bucket
    gcs_prefix: some/
  - path_regex: ^closed-gcs/
    gcs_bucket: closed
  - path_regex: ^vault/
    vault_path: some
  - path_regex: ^old/
    vault_path: some/
    vault_kv_mount_name: old
    vault_kv_version: 1
    vault_address: ${vault.url}
  - path_regex: ^closed-vault/
    vault_path: closed/
  - path_regex: ^crooked-vault/
    vault_path: some/../../sys
  - path_regex: ^crooked-s3/
    s3_bucket: bucket
    s3_prefix: ../other/
  - path_regex: ^crooked-gcs/
    gcs_bucket: bucket/o/x?y=
  - path_regex: ^elsewhere/
    vault_path: some
    vault_address: https://vault.example.com
  - path_regex: ^none/
    omit_extensions: true
  - path_regex: ^two/
    s3_bucket: a
    gcs_bucket: b
`,
    },
  );
  await moto.s3("PUT", "bucket");
  both.box.write("in.yaml", plain);
  const { stdout } = await both.sopsmith(["encrypt", "in.yaml"]);
  for (const dir of "s3 again missing gcs closed-gcs vault old closed-vault crooked-vault crooked-s3 crooked-gcs elsewhere none two other".split(
    " ",
  )) {
    mkdirSync(both.box.path(`${dir}/sub`), { recursive: true });
    for (const name of ["a.enc.yaml", "sub/b.yaml"]) both.box.write(`${dir}/${name}`, stdout);
    both.box.write(`${dir}/plain.yaml`, "a: b\n");
  }
}, 90_000);
afterAll(async () => {
  both?.remove();
  await Promise.all([moto?.stop(), gcs?.close(), vault?.close()]);
});
beforeEach(() => {
  gcs.requests.length = 0;
  vault.requests.length = 0;
  secrets.clear();
});

/** Takes everything out of the bucket; texts by name. */
async function objects(): Promise<Record<string, string>> {
  const list = await moto.s3("GET", "bucket?list-type=2");
  const names = [...list.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name = ""]) => name);
  const found: Record<string, string> = {};
  for (const name of names) {
    found[name] = await moto.s3("GET", `bucket/${name}`);
    await moto.s3("DELETE", `bucket/${name}`);
  }
  return found;
}

test("S3 (moto) gets the file as it is, under the same name as from real sops", async () => {
  for (const program of ["sopsmith", "sops"] as const) {
    const { code, stdout, stderr } = await both[program](["publish", "-y", "s3/a.enc.yaml"]);
    expect([program, code, stdout, stderr]).toEqual([program, 0, "", ""]);
    expect(await objects()).toEqual({ "some/a.enc.yaml": both.box.read("s3/a.enc.yaml") });
  }
});

test("a recreation rule gives the published file other keys, shown first, as real sops does", async () => {
  for (const program of ["sopsmith", "sops"] as const) {
    const { code, stdout, stderr } = await both[program](["publish", "-y", "again/a.enc.yaml"]);
    expect([program, code, stdout, stderr]).toEqual([
      program,
      0,
      `The following changes will be made to the file's key groups:\nGroup 1\n+++ ${bob.recipient}\n--- ${alice.recipient}\n`,
      "",
    ]);
    const found = await objects();
    expect(Object.keys(found)).toEqual(["a.enc"]);
    const text = found["a.enc"] ?? "";
    expect(text).toContain(bob.recipient);
    expect(text).not.toContain(alice.recipient);
    both.box.write("back.yaml", text);
    for (const reader of ["sopsmith", "sops"] as const)
      expect((await both[reader](["decrypt", "back.yaml"])).stdout).toContain("deep: <b>");
  }
});

const ownTexts: Readonly<Record<string, string>> = {
  "kept.yaml": "# shop\nuser: 'shop'   # not root\n\nlist: [0x10, \"b\"]\n",
  "braces.yaml": "{user: 'shop', list: [0x10, b]} # shop\n",
  "kept.json": '{ "user" : "shop", "list": [1, 2.50] }',
  "kept.env": "# shop\n\nUSER=shop\n",
  "kept.ini": "; shop\n[a]\n\nuser=shop\nport : 1\n",
};

test.each(Object.entries(ownTexts))(
  "%s keeps its author's layout when it is published",
  async (name, text) => {
    const keep = { SOPSMITH_LAYOUT: "keep" };
    const { box } = both;
    for (const dir of ["s3", "again", "vault"]) {
      box.write(`${dir}/${name}`, text);
      onTestFinished(() => rmSync(box.path(`${dir}/${name}`)));
      expect(await both.sopsmith(["encrypt", "-i", `${dir}/${name}`], keep)).toMatchObject({
        code: 0,
      });
      expect(box.read(`${dir}/${name}`)).toMatch(/sopsmith.layout/);
    }
    // As it is.
    expect(await both.sopsmith(["publish", "-y", `s3/${name}`], keep)).toMatchObject({ code: 0 });
    expect(await objects()).toEqual({ [`some/${name}`]: box.read(`s3/${name}`) });
    // With other keys.
    expect(await both.sopsmith(["publish", "-y", `again/${name}`], keep)).toMatchObject({
      code: 0,
      stderr: "",
    });
    const [published = ""] = Object.values(await objects());
    expect(published).toContain(bob.recipient);
    expect(published).not.toContain(alice.recipient);
    expect(published).toMatch(/sopsmith.layout/);
    const back = `back-${name}`;
    box.write(back, published);
    expect(await both.sopsmith(["decrypt", back], keep)).toMatchObject({ code: 0, stdout: text });
    const read = await both.sops(["decrypt", "--output-type", "json", back]);
    expect([read.code, read.stderr]).toEqual([0, ""]);
    expect(read.stdout).toContain('"shop"');
    // As values, which are those that sops sends for the same file.
    for (const program of ["sopsmith", "sops"] as const) {
      secrets.clear();
      expect(await both[program](["publish", "-y", `vault/${name}`], keep)).toMatchObject({
        code: 0,
      });
    }
    const sent = vault.requests
      .filter(({ method }) => method === "PUT")
      .map(({ body }) => body.trim());
    expect(sent).toHaveLength(2);
    expect(JSON.parse(sent[0] ?? "")).toEqual(JSON.parse(sent[1] ?? "null"));
  },
);

test("the stub of Google Cloud Storage gets the same object as from real sops", async () => {
  for (const program of ["sopsmith", "sops"] as const) {
    const { code, stdout, stderr } = await both[program](["publish", "-y", "gcs/a.enc.yaml"]);
    expect([program, code, stdout, stderr]).toEqual([program, 0, "", ""]);
    const [request, ...more] = gcs.requests.splice(0);
    expect(more).toEqual([]);
    expect(request?.path).toBe("/upload/storage/v1/b/bucket/o");
    expect(`${request?.query.get("name")}${request?.body}`).toContain("some/a.enc.yaml");
    expect(request?.body).toContain(both.box.read("gcs/a.enc.yaml"));
  }
});

test.each([
  ["vault/a.enc.yaml", "/v1/secret/data/some/a.enc.yaml"],
  ["old/a.enc.yaml", "/v1/old/some/a.enc.yaml"],
])("for %s the stub of Vault gets the same requests as from real sops", async (file, path) => {
  const data = {
    user: "shop",
    nested: { deep: "<b>" },
    list: [
      "one",
      [
        { Key: "q", Value: "two" },
        { Key: "r", Value: [{ Key: "s", Value: "three" }] },
      ],
    ],
  };
  for (const program of ["sopsmith", "sops"] as const) {
    secrets.clear();
    const { code, stdout, stderr } = await both[program](["publish", "-y", file]);
    expect([program, code, stdout, stderr]).toEqual([program, 0, "", ""]);
    const sent = vault.requests.splice(0);
    expect(sent.map((request) => `${request.method} ${request.path}`)).toEqual([
      `GET ${path}`,
      `PUT ${path}`,
    ]);
    const body: unknown = JSON.parse(sent[1]?.body ?? "");
    expect(body).toEqual(file.startsWith("old/") ? data : { data });
  }
});

test("a secret that already exists is not written again", async () => {
  for (const file of ["vault/a.enc.yaml", "old/a.enc.yaml"]) {
    const first = await both.sopsmith(["publish", "--yes", "--json", file]);
    const again = await both.sopsmith(["publish", "--yes", "--json", file]);
    const statuses = [first, again].map(
      ({ stdout }) => JSON.parse(stdout) as { file: string; destination: string; status: string },
    );
    expect(statuses.map(({ status }) => status)).toEqual(["uploaded", "unchanged"]);
    expect(statuses[0]).toMatchObject({ file, destination: expect.stringContaining(vault.url) });
    expect(vault.requests.splice(0).map(({ method }) => method)).toEqual(["GET", "PUT", "GET"]);
  }
});

test("a file whose name says nothing is read by its content", async () => {
  const hidden = both.box.read("vault/a.enc.yaml");
  both.box.write("vault/hidden.conf", hidden);
  const { code, stdout, stderr } = await both.sopsmith(["publish", "-y", "vault/hidden.conf"]);
  expect([code, stdout, stderr]).toEqual([0, "", ""]);
  await both.sopsmith(["publish", "-y", "vault/a.enc.yaml"]);
  const [named, unnamed] = ["a.enc.yaml", "hidden.conf"].map((name) =>
    secrets.get(`/v1/secret/data/some/${name}`),
  );
  expect(unnamed).toBeDefined();
  expect(unnamed).toEqual(named);
});

test("--recursive publishes the encrypted files in a directory, by their relative paths", async () => {
  const { code, stdout, stderr } = await both.sopsmith(["publish", "--recursive", "-y", "s3"]);
  expect([code, stdout, stderr]).toEqual([0, "", ""]);
  expect(Object.keys(await objects())).toEqual(["some/a.enc.yaml", "some/sub/b.yaml"]);
});

test("several files and patterns are published in one call, and every failure is listed", async () => {
  const words = ["publish", "-y", "s3/*.enc.yaml", "other/a.enc.yaml", "again/sub/b.yaml"];
  const { code, stderr } = await both.sopsmith(words);
  expect(code).toBe(1);
  expect(stderr).toContain("other/a.enc.yaml");
  expect(stderr).toContain("no matching destination found in config");
  expect(Object.keys(await objects())).toEqual(["b", "some/a.enc.yaml"]);
});

test("files that keep their layout are published with it, several in one call", async () => {
  const text = "# top\n\npw:  'x'   # note\nl: [1, 2]\n\n\nlast: true\n";
  both.box.write("kept.yaml", text);
  const env = { SOPSMITH_LAYOUT: "keep" };
  const { stdout: kept } = await both.box.run(["encrypt", "kept.yaml"], { env });
  expect(kept).toContain("# sopsmith-layout");
  const files = ["s3/kept.yaml", "again/kept.yaml", "vault/kept.yaml"];
  for (const file of files) both.box.write(file, kept);
  const published = await both.box.run(["publish", "-y", ...files], { env });
  expect(published).toMatchObject({ code: 0, stderr: "" });
  const { "some/kept.yaml": asIs, kept: recreated = "", ...others } = await objects();
  expect([asIs, others]).toEqual([kept, {}]);
  expect(recreated).toContain(bob.recipient);
  expect(recreated).not.toContain(alice.recipient);
  both.box.write("recreated.yaml", recreated);
  const opened = await both.box.run(["decrypt", "recreated.yaml"], { env });
  expect(opened.stdout).toBe(text);
  const byBoth = await Promise.all(
    (["sops", "sopsmith"] as const).map((program) =>
      both[program](["decrypt", "--output-type", "json", "recreated.yaml"]),
    ),
  );
  for (const { stdout } of byBoth)
    expect(JSON.parse(stdout)).toEqual({ pw: "x", l: [1, 2], last: true });
  expect(secrets.get("/v1/secret/data/some/kept.yaml")).toEqual({
    data: { pw: "x", l: [1, 2], last: true },
  });
  for (const file of files) rmSync(both.box.path(file));
});

test("a question is asked first: y publishes, n does not", async () => {
  const path = both.box.path("s3/a.enc.yaml");
  const question = `uploading ${path} to s3://bucket/some/a.enc.yaml ? (y/n): `;
  const yes = await both.box.run(["publish", "s3/a.enc.yaml"], { stdin: "y\n" });
  expect(yes).toEqual({ code: 0, stdout: question, stderr: "" });
  expect(Object.keys(await objects())).toEqual(["some/a.enc.yaml"]);
  const no = await both.box.run(["publish", "s3/a.enc.yaml"], { stdin: "n\n" });
  expect([no.code, no.stdout]).toEqual([1, question]);
  expect(no.stderr).toMatch(new RegExp(`^Publication of ${path} canceled\n`));
  const each = await both.box.run(["publish", "--recursive", "s3"], { stdin: "n\ny\n" });
  expect(each.code).toBe(0);
  expect(each.stdout).toContain(`Publication of ${path} canceled\n`);
  expect(Object.keys(await objects())).toEqual(["some/sub/b.yaml"]);
  const silent = await both.box.run(["publish", "s3/a.enc.yaml"], { stdin: "" });
  expect([silent.code, await objects()]).toEqual([1, {}]);
});

test.each([
  [{ AWS_REGION: "", AWS_CONFIG_FILE: "/nonexistent" }, /; set AWS_REGION, or region/],
  [{ AWS_ENDPOINT_URL: "http://127.0.0.1:1" }, /ECONNREFUSED.*; check the network/],
])("a failure to reach S3 says what to do: %j", async (variables, message) => {
  const { code, stderr } = await both.sopsmith(["publish", "-y", "s3/a.enc.yaml"], variables);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
});

test.each([
  [["missing/a.enc.yaml"], /^Failed to upload to s3:\/\/not-there\/a\.enc\.yaml: NoSuchBucket/],
  [["closed-gcs/a.enc.yaml"], /^Failed to upload to gcs:\/\/closed\/.*no access to the bucket/],
  [["crooked-vault/a.enc.yaml"], /the path ".*" has a segment that is empty, "\." or "\.\."/],
  [["crooked-s3/a.enc.yaml"], /the name of the object ".*" has a segment/],
  [["crooked-gcs/a.enc.yaml"], /"bucket\/o\/x\?y=" is not a valid bucket name/],
  [
    ["elsewhere/a.enc.yaml"],
    /Allowlist does not allow https:\/\/vault\.example\.com; set VAULT_ADDR to it/,
  ],
  [["closed-vault/a.enc.yaml"], /Failed to upload to http.*Vault answered 403: permission denied/],
  [["s3/plain.yaml"], /^sops metadata not found/],
  [["none/a.enc.yaml"], /^no destination configured for this file/],
  [["two/a.enc.yaml"], /^error loading config: more than one destinations were found/],
  [["other/a.enc.yaml"], /^error loading config: no matching destination found in config/],
  [["s3"], /^can't operate on a directory without --recursive flag\./],
  [["s3/nothing.yaml"], /^s3\/nothing\.yaml: no such file or directory/],
  [[], /^Error: no file specified/],
])("publish -y %j is refused and uploads nothing", async (words, message) => {
  const { code, stdout, stderr } = await both.sopsmith(["publish", "-y", ...words]);
  expect([code, stdout]).toEqual([words.length === 0 ? 100 : 1, ""]);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain(token);
  expect(await objects()).toEqual({});
});

test("publish needs a configuration, and --json needs --yes", async () => {
  const none = await both.sopsmith(["--config", "nowhere.yaml", "publish", "s3/a.enc.yaml"]);
  expect([none.code, none.stdout]).toEqual([1, ""]);
  const asked = await both.sopsmith(["publish", "--json", "s3/a.enc.yaml"]);
  expect([asked.code, asked.stdout]).toEqual([1, ""]);
  expect(JSON.parse(asked.stderr)).toMatchObject({ code: "usage", exitCode: 1 });
});
