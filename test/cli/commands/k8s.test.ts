import { execFileSync } from "node:child_process";
import { afterAll, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { counterpart } from "../../counterparts.ts";
import { alice } from "../../keys/fake-host.ts";
import { handOrdered, shop, sopsEncrypt } from "../../operator/objects.ts";
import { Sandbox } from "../sandbox.ts";

const config = `creation_rules:\n  - age: ${alice.recipient}\n`;
const secret = `apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop, labels: {app: shop}, uid: x}
type: Opaque
immutable: true
stringData: {zeta: one, alpha: "5432"}
data: {text: aGVsbG8=, cert: AAEC/w==}
`;

const boxes: Sandbox[] = [];
afterAll(() => boxes.forEach((box) => box.remove()));
function sandbox(files: Record<string, string>): Sandbox {
  const box = new Sandbox({ ".sops.yaml": config, ...files }, { SOPS_AGE_KEY: alice.identity });
  boxes.push(box);
  return box;
}

const ok = { code: 0, stderr: "" };

test("k8s encrypt makes one canonical, bound SopsSecret that real sops opens; check finds nothing in it", async () => {
  const box = sandbox({ "db.yaml": secret, "b.yaml": secret.replace("name: db", "name: b") });
  expect(await box.run(["k8s", "encrypt", "db.yaml", "b.yaml", "--out", "s.yaml"])).toMatchObject(
    ok,
  );
  expect(await box.run(["k8s", "check", "--strict", "s.yaml"])).toEqual({ ...ok, stdout: "" });
  const plain = parse(
    execFileSync(counterpart("sops"), ["decrypt", box.path("s.yaml")], {
      encoding: "utf8",
      env: { ...box.env },
    }),
  ) as { spec: { secretTemplates: unknown[] } };
  const template = {
    annotations: { "sopsmith.dev/immutable": "true", "sopsmith.dev/scope": "shop/db" },
    data: { cert: "AAEC/w==" },
    labels: { app: "shop" },
    name: "db",
    stringData: { alpha: "5432", text: "hello", zeta: "one" },
    type: "Opaque",
  };
  expect(plain).toEqual({
    apiVersion: "isindir.github.com/v1alpha3",
    kind: "SopsSecret",
    metadata: { name: "db", namespace: "shop" },
    spec: { secretTemplates: [template, { ...template, name: "b" }] },
  });
  const sealed = box.read("s.yaml");
  expect(sealed).toContain("mac_only_encrypted: true");
  expect(sealed).not.toContain("5432");
});

test("k8s decrypt is the reverse, and operator render shows what the cluster gets", async () => {
  const box = sandbox({ "db.yaml": secret });
  await box.run(["k8s", "encrypt", "db.yaml", "-o", "s.yaml"]);
  const back = await box.run(["k8s", "decrypt", "s.yaml"]);
  expect(back).toMatchObject(ok);
  expect(parse(back.stdout)).toEqual({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db", namespace: "shop", labels: { app: "shop" } },
    type: "Opaque",
    immutable: true,
    data: { cert: "AAEC/w==" },
    stringData: { alpha: "5432", text: "hello", zeta: "one" },
  });
  const rendered = await box.run(["operator", "render", "s.yaml"]);
  expect(rendered).toMatchObject(ok);
  expect(parse(rendered.stdout)).toEqual({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db", namespace: "shop", labels: { app: "shop" } },
    type: "Opaque",
    immutable: true,
    data: { alpha: "NTQzMg==", cert: "AAEC/w==", text: "aGVsbG8=", zeta: "b25l" },
  });
  const redacted = await box.run([
    "operator",
    "render",
    "--redact",
    "-o",
    "json",
    "--with-owner",
    "u1",
    "s.yaml",
  ]);
  expect(JSON.parse(redacted.stdout)).toMatchObject({
    data: { alpha: "<4 bytes>" },
    metadata: {
      labels: { "sopsmith.dev/owner-uid": "u1" },
      ownerReferences: [{ uid: "u1", controller: true }],
    },
  });
});

test.each([
  [
    "another kind",
    "kind: Service",
    "kind: Secret",
    /^db\.yaml:1: document 1: this is a Service of v1; only Secrets and ConfigMaps/,
  ],
  [
    "a field that would be lost",
    "type: Opaque\nfoo: 1",
    "type: Opaque",
    /^db\.yaml:5: .*a SopsSecret cannot hold foo/,
  ],
  ["base64 that is none", "data: {text: '!'", "data: {text: aGVsbG8=", /data\.text is not base64/],
  ["a number", "zeta: 1,", "zeta: one,", /stringData\.zeta is a number, not text: quote it/],
])("k8s encrypt refuses %s and writes nothing", async (_what, to, from, stderr) => {
  const box = sandbox({ "db.yaml": secret.replace(from, to) });
  const result = await box.run(["k8s", "encrypt", "db.yaml", "--out", "s.yaml"]);
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(stderr);
  expect(box.names()).toEqual([".sops.yaml", "db.yaml"]);
});

const configMap = `apiVersion: v1
kind: ConfigMap
metadata: {name: db, namespace: shop, annotations: {b: "1"}}
immutable: true
data: {zeta: one, alpha: "5432"}
binaryData: {bin: AAEC/w==}
`;

test("k8s encrypt puts ConfigMaps beside Secrets, each kind with its own names", async () => {
  const box = sandbox({ "all.yaml": `${secret}---\n${configMap}` });
  expect(await box.run(["k8s", "encrypt", "all.yaml", "-o", "s.yaml"])).toMatchObject(ok);
  const { spec } = parse(
    execFileSync(counterpart("sops"), ["decrypt", box.path("s.yaml")], {
      encoding: "utf8",
      env: { ...box.env },
    }),
  ) as { spec: Record<string, unknown[]> };
  expect(Object.keys(spec)).toEqual(["configMapTemplates", "secretTemplates"]);
  expect(spec["configMapTemplates"]).toEqual([
    {
      annotations: { b: "1", "sopsmith.dev/immutable": "true", "sopsmith.dev/scope": "shop/db" },
      binaryData: { bin: "AAEC/w==" },
      data: { alpha: "5432", zeta: "one" },
      name: "db",
    },
  ]);
  expect(box.read("s.yaml")).not.toContain("5432");
  const check = await box.run(["k8s", "check", "s.yaml"]);
  expect(check.code).toBe(0);
  expect(check.stderr + check.stdout).toMatch(
    /^s\.yaml:\d+: warning: spec\.configMapTemplates is refused or dropped where the CRD of sops-secrets-operator is installed[^\n]*\n$/,
  );
});

test.each([
  ["a Secret's field", "stringData: {a: b}", "immutable: true", /cannot hold stringData/],
  [
    "a key twice",
    "{bin: YQ==, zeta: YQ==}",
    "{bin: AAEC/w==}",
    /zeta is in data and in binaryData/,
  ],
  [
    "base64 that is none",
    "{bin: '!'}",
    "{bin: AAEC/w==}",
    /binaryData\.bin is not base64: put plain text into data/,
  ],
])("k8s encrypt refuses a ConfigMap with %s", async (_what, to, from, stderr) => {
  const box = sandbox({ "c.yaml": configMap.replace(from, to) });
  const result = await box.run(["k8s", "encrypt", "c.yaml"]);
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(stderr);
});

test("k8s encrypt --helm-values makes a Secret from a values file, and says what the HelmRelease needs", async () => {
  const values = "# for the shop\nreplicas: 2\ndb: {password: hunter2}\n";
  const box = sandbox({ "values.yaml": values });
  const line = ["k8s", "encrypt", "-n", "shop", "--helm-values", "shop-values"];
  expect(await box.run([...line, "-o", "s.yaml", "values.yaml"])).toEqual({
    code: 0,
    stdout: "",
    stderr:
      "Put this into the spec of the HelmRelease:\n  valuesFrom:\n    - kind: Secret\n      name: shop-values\n",
  });
  expect(box.read("s.yaml")).not.toMatch(/hunter2|for the shop/);
  expect(await box.run(["k8s", "check", "--strict", "s.yaml"])).toEqual({ ...ok, stdout: "" });
  const rendered = await box.run(["operator", "render", "s.yaml"]);
  expect(parse(rendered.stdout)).toMatchObject({
    metadata: { name: "shop-values", namespace: "shop" },
    data: { "values.yaml": Buffer.from(values).toString("base64") },
  });
  const fromStdin = await box.run([...line, "-"], { stdin: values });
  expect(fromStdin).toMatchObject({ code: 0, stdout: expect.stringContaining("ENC[") as string });
});

test.each([
  [["values.yaml", "values.yaml"], "", /^--helm-values needs exactly one file with values\n/],
  [["values.yaml"], "- a\n", /^values\.yaml:1: the values of a chart must be one YAML map\n$/],
  [
    ["values.yaml"],
    "a: 1\n---\nb: 2\n",
    /^values\.yaml:1: the values of a chart must be one YAML map\n$/,
  ],
  [
    ["values.yaml"],
    "a: 1\nsops: {mac: x}\n",
    /^values\.yaml:1: these values are already encrypted/,
  ],
  [["nope.yaml"], "", /^cannot read nope\.yaml: no such file\n$/],
])("k8s encrypt --helm-values refuses %j with %j", async (operands, text, stderr) => {
  const box = sandbox({ "values.yaml": text });
  const result = await box.run(["k8s", "encrypt", "-n", "s", "--helm-values", "v", ...operands]);
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(stderr);
  const wrong = await box.run(["k8s", "encrypt", "--helm-values", "A_B", "values.yaml"]);
  expect(wrong.stderr).toMatch(/^--helm-values needs the name of a Secret: /);
});

test("k8s encrypt without a namespace warns, and refuses a scope that needs one", async () => {
  const box = sandbox({ "db.yaml": secret.replace("namespace: shop, ", "") });
  const result = await box.run(["k8s", "encrypt", "db.yaml"]);
  expect(result.code).toBe(0);
  expect(result.stderr).toMatch(/^WARN: no namespace is known/);
  expect((await box.run(["k8s", "encrypt", "--scope", "strict", "db.yaml"])).code).toBe(1);
  expect(await box.run(["k8s", "encrypt", "--scope", "none", "db.yaml"])).toMatchObject(ok);
  const wrong = await box.run(["k8s", "encrypt", "--scope", "wide", "db.yaml"]);
  expect(wrong.stderr).toMatch(/^--scope must be strict, namespace or none\n/);
});

test("k8s fix sorts, keeps every ciphertext, and its file passes check and real sops", async () => {
  const original = sopsEncrypt(handOrdered, "--encrypted-suffix", "Templates");
  const box = sandbox({ "s.yaml": original });
  const before = await box.run(["k8s", "check", "s.yaml"]);
  expect(before.code).toBe(0);
  expect(before.stderr).toMatch(
    /s\.yaml:\d+: warning: the keys of spec\.secretTemplates\[0\]\S* are not in canonical order/,
  );
  expect(before.stderr).toMatch(/warning: mac_only_encrypted is not set/);
  expect((await box.run(["k8s", "check", "--strict", "s.yaml"])).code).toBe(10);
  expect(await box.run(["k8s", "fix", "-i", "s.yaml"])).toMatchObject(ok);
  const values = (text: string) => [...text.matchAll(/ENC\[\S+type:str\]/g)].map(String).toSorted();
  const ciphertexts = values(original).filter((value) => !original.includes(`mac: ${value}`));
  const fixed = values(box.read("s.yaml"));
  for (const value of ciphertexts) expect(fixed).toContain(value);
  expect(
    await box.run(["operator", "render", "--mac-policy", "require", "--redact", "s.yaml"]),
  ).toMatchObject(ok);
  expect((await box.run(["k8s", "check", "s.yaml"])).stderr).toBe("");
  const decrypted = execFileSync(counterpart("sops"), ["decrypt", box.path("s.yaml")], {
    env: { ...box.env },
  });
  expect(parse(decrypted.toString())).toEqual(parse(handOrdered));
  const again = box.read("s.yaml");
  await box.run(["k8s", "fix", "-i", "s.yaml"]);
  expect(box.read("s.yaml")).toBe(again);
});

test("k8s fix repairs what was only sorted, and refuses what was changed", async () => {
  const box = sandbox({});
  const original = sopsEncrypt(
    handOrdered,
    "--encrypted-suffix",
    "Templates",
    "--mac-only-encrypted",
  );
  const sortKeys = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sortKeys)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .toSorted(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, item]) => [key, sortKeys(item)]),
          )
        : value;
  const sorted = sortKeys(parse(original)) as {
    spec: { secretTemplates: { stringData: Record<string, string> }[] };
  };
  box.write("s.json", JSON.stringify(sorted));
  expect(await box.run(["k8s", "fix", "-i", "s.json"])).toMatchObject(ok);
  expect(
    execFileSync(counterpart("sops"), ["decrypt", box.path("s.json")], {
      env: { ...box.env },
    }).toString(),
  ).toContain("redis://x");
  const [first] = sorted.spec.secretTemplates;
  if (first) first.stringData["password"] = "";
  box.write("t.json", JSON.stringify(sorted));
  const refused = await box.run(["k8s", "fix", "-i", "t.json"]);
  expect(refused.code).toBe(51);
  expect(box.read("t.json")).toBe(JSON.stringify(sorted));
});

const old = `apiVersion: isindir.github.com/v1alpha1
kind: SopsSecret
metadata: {name: old}
spec:
  secret_templates:
    - name: db
      data:
        password: s3cret
`;

test("k8s migrate updates old versions, unencrypted and encrypted, and leaves nothing unencrypted that was encrypted", async () => {
  const migrated = {
    apiVersion: "isindir.github.com/v1alpha3",
    kind: "SopsSecret",
    metadata: { name: "old" },
    spec: { secretTemplates: [{ name: "db", stringData: { password: "s3cret" } }] },
  };
  const box = sandbox({
    "plain.yaml": old,
    "s.yaml": sopsEncrypt(old, "--encrypted-regex", "^data$"),
  });
  const plain = await box.run(["k8s", "migrate", "plain.yaml"]);
  expect(parse(plain.stdout)).toEqual(migrated);
  expect(await box.run(["k8s", "migrate", "-i", "s.yaml"])).toMatchObject(ok);
  expect(box.read("s.yaml")).not.toContain("s3cret");
  expect(box.read("s.yaml")).toContain("encrypted_suffix: Templates");
  const decrypted = execFileSync(counterpart("sops"), ["decrypt", box.path("s.yaml")], {
    env: { ...box.env },
  });
  expect(parse(decrypted.toString())).toEqual(migrated);
  const kept = await box.run(["k8s", "migrate", "--keep-data", "plain.yaml"]);
  expect(parse(kept.stdout)).toHaveProperty(["spec", "secretTemplates", 0, "data"]);
  const again = await box.run(["k8s", "migrate", "s.yaml"]);
  expect(again.stdout).toBe(box.read("s.yaml"));
});

test.each([
  [
    "a comment between templates",
    (yaml: string) =>
      yaml.replace("      type: custom", "    # note\n    - name: x\n      type: custom"),
    /error: spec\.secretTemplates\[\d\] is text: a comment/,
  ],
  [
    "a number that was encrypted",
    (yaml: string) => yaml.replace("username: shop", "username: 5432"),
    /error: spec\.secretTemplates\[0\]\.stringData\.username was a number or a boolean/,
  ],
])("k8s check finds %s without a key", async (_what, change, stderr) => {
  const box = sandbox({
    "s.yaml": sopsEncrypt(change(shop), "--encrypted-suffix", "Templates", "--mac-only-encrypted"),
  });
  const result = await box.run(["k8s", "check", "s.yaml"], { env: { SOPS_AGE_KEY: "" } });
  expect(result).toMatchObject({ code: 10, stdout: "" });
  expect(result.stderr).toMatch(stderr);
});

test.each([
  ["no sops block", shop, /error: there is no sops block/],
  ["the old list", old, /error: spec\.secret_templates belongs to v1alpha1/],
  [
    "an unknown field",
    shop.replace("name: tls", "name: tls\n      nmae: x"),
    /error: spec\.secretTemplates\[1\]\.nmae is not a field/,
  ],
  [
    "a number in clear",
    shop.replace("name: tls", "name: 5"),
    /secretTemplates\[1\]\.name is a number, not text: quote it/,
  ],
  [
    "two templates of one name",
    shop.replace("name: tls", "name: db"),
    /another template has the same name/,
  ],
  ["base64 that is none", shop.replace("AAEC/w==", "x"), /is not base64/],
  [
    "key groups",
    `${shop}sops:\n  key_groups: [{age: []}]\n  mac: x\n`,
    /warning: sops\.key_groups is dropped/,
  ],
])("k8s check finds %s", async (_what, yaml, stderr) => {
  const box = sandbox({});
  const result = await box.run(["k8s", "check", "--strict", "-"], { stdin: yaml });
  expect(result.code).toBe(10);
  expect(result.stderr).toMatch(stderr);
  expect(result.stderr).toMatch(/^stdin:\d+: /);
});

test("operator render reports by its exit code what the operator would refuse, and continues with the rest", async () => {
  const good = sopsEncrypt(shop, "--encrypted-suffix", "Templates", "--mac-only-encrypted");
  const box = sandbox({
    "good.yaml": good,
    "moved.yaml": good.replace("namespace: shop", "namespace: evil"),
  });
  const result = await box.run(["operator", "render", "moved.yaml", "good.yaml"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/^evil\/shop: ScopeVerified: ScopeMismatch: /);
  expect(parseAllDocuments(result.stdout)).toHaveLength(2);
  expect(
    (await box.run(["operator", "render", "good.yaml"], { env: { SOPS_AGE_KEY: "" } })).stderr,
  ).toMatch(/^shop\/shop: Decrypted: KeyUnavailable: /);
});

test("k8s crd prints the CRD in YAML and JSON", async () => {
  const box = sandbox({});
  const [yaml, json] = [await box.run(["k8s", "crd"]), await box.run(["k8s", "crd", "-o", "json"])];
  expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout));
  expect(parse(yaml.stdout)).toMatchObject({
    metadata: { name: "sopssecrets.isindir.github.com" },
  });
});

test("k8s lists its commands", async () => {
  const box = sandbox({});
  expect((await box.run(["k8s"])).stdout).toMatch(/migrate +convert SopsSecrets/);
  expect(await box.run(["k8s", "encrpyt"])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining("did you mean encrypt?") as string,
  });
  expect((await box.run(["k8s", "fix", "--help"])).stdout).toMatch(/sopsmith k8s fix - sort/);
  expect((await box.run(["help", "operator", "render"])).stdout).toMatch(/--redact/);
  expect((await box.run(["k8s", "check", "gone.yaml"])).stderr).toBe(
    "cannot read gone.yaml: no such file\n",
  );
});
