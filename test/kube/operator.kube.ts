import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { setTimeout as delay } from "node:timers/promises";
import type { Condition, JsonObject, Secret, SopsSecret } from "../../src/k8s/sops-secret.ts";
import { canonical, sopsEncrypt, stored } from "../operator/objects.ts";
import { eventually, Kube, Operator, type Client } from "./harness.ts";

let kube: Kube;
let admin: Client;
const running: Operator[] = [];
let number = 0;

beforeAll(async () => {
  kube = await Kube.start();
  admin = kube.client();
  await admin.installCrd();
});
afterAll(() => kube?.stop());
afterEach(async () => {
  await Promise.all(running.splice(0).map((operator) => operator.stop()));
});

/** A namespace and an operator that watches it alone. */
async function setting(args: readonly string[] = [], env: Record<string, string> = {}) {
  const namespace = await admin.namespace(`t${++number}`);
  const operator = await startOperator(namespace, args, env);
  return { namespace, operator };
}

async function startOperator(
  namespace: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
) {
  const operator = await Operator.start(
    kube.kubeconfig,
    ["-watch-namespace", namespace, ...args],
    env,
  );
  running.push(operator);
  await operator.ready();
  return operator;
}

interface Template {
  name: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  type?: string;
  stringData?: Record<string, string>;
  data?: Record<string, string>;
}

/** An encrypted object as a file would give it. */
function sealed(name: string, templates: readonly Template[], ...args: string[]): SopsSecret {
  const sort = (template: Template): object =>
    Object.fromEntries(Object.entries(template).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return sealedSpec(name, { secretTemplates: templates.map(sort) }, ...args);
}

function sealedSpec(name: string, spec: object, ...args: string[]): SopsSecret {
  const plain = {
    apiVersion: "isindir.github.com/v1alpha3",
    kind: "SopsSecret",
    metadata: { name },
    spec,
  };
  return stored(sopsEncrypt(JSON.stringify(plain), ...(args.length > 0 ? args : canonical)));
}

const templatesOf = ({ spec }: SopsSecret): JsonObject[] =>
  (spec?.["secretTemplates"] ?? []) as JsonObject[];

const texts = (secret: Secret | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, "base64").toString(),
    ]),
  );

const settled = (namespace: string, name: string, wanted: string): Promise<SopsSecret> =>
  eventually(async () => {
    const object = await admin.sops(namespace, name);
    return object?.status?.message === wanted &&
      object.status.observedGeneration === object.metadata.generation
      ? object
      : undefined;
  }, `${name} says ${wanted}`);

const condition = (object: SopsSecret, type: string): Condition | undefined =>
  object.status?.conditions?.find((one) => one.type === type);

async function events(namespace: string): Promise<string[]> {
  const list = await admin.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  return ((list?.["items"] ?? []) as { reason: string; note: string }[]).map(
    ({ reason, note }) => `${reason}: ${note}`,
  );
}

test("five children of all kinds are created with exact values; Opaque is the default type", async () => {
  const { namespace } = await setting();
  const docker = JSON.stringify({ auths: { "r.example": { auth: "dTpw" } } });
  await admin.applySops(
    namespace,
    sealed("all", [
      { name: "text", stringData: { a: "one", b: "two\nlines\n" } },
      { name: "binary", data: { a: "AAEC/w==" } },
      {
        name: "docker",
        type: "kubernetes.io/dockerconfigjson",
        stringData: { ".dockerconfigjson": docker },
      },
      { name: "custom", type: "custom/type", stringData: { k: "v" } },
      { name: "meta", labels: { l: "1" }, annotations: { "a.b/c": "2" }, stringData: { k: "v" } },
    ]),
  );
  const object = await settled(namespace, "all", "Healthy");
  expect(texts(await admin.secret(namespace, "text"))).toEqual({ a: "one", b: "two\nlines\n" });
  expect((await admin.secret(namespace, "text"))?.type).toBe("Opaque");
  expect((await admin.secret(namespace, "binary"))?.data).toEqual({ a: "AAEC/w==" });
  expect(texts(await admin.secret(namespace, "docker"))).toEqual({ ".dockerconfigjson": docker });
  expect((await admin.secret(namespace, "custom"))?.type).toBe("custom/type");
  expect((await admin.secret(namespace, "meta"))?.metadata).toMatchObject({
    labels: { l: "1", "sopsmith.dev/owner-uid": object.metadata.uid },
    annotations: { "a.b/c": "2" },
    ownerReferences: [
      {
        kind: "SopsSecret",
        name: "all",
        uid: object.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  });
  expect(condition(object, "Ready")).toMatchObject({ status: "True", reason: "Applied" });
  expect(condition(object, "MacVerified")).toMatchObject({ status: "True", reason: "Verified" });
  expect(object.sops).toMatchObject({ mac_only_encrypted: true });
  expect(
    await eventually(
      async () => (await events(namespace)).includes("Created: Secret text"),
      "the event",
    ),
  ).toBe(true);
});

test("every type of Secret that Kubernetes knows can be created", async () => {
  const { namespace } = await setting();
  await admin.request({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts`,
    body: { metadata: { name: "sa" } },
  });
  const types: Template[] = [
    {
      name: "basic",
      type: "kubernetes.io/basic-auth",
      stringData: { username: "u", password: "p" },
    },
    { name: "ssh", type: "kubernetes.io/ssh-auth", stringData: { "ssh-privatekey": "k" } },
    { name: "tls", type: "kubernetes.io/tls", stringData: { "tls.crt": "c", "tls.key": "k" } },
    { name: "cfg", type: "kubernetes.io/dockercfg", stringData: { ".dockercfg": "{}" } },
    { name: "token", type: "bootstrap.kubernetes.io/token", stringData: { "token-id": "abcdef" } },
    {
      name: "sat",
      type: "kubernetes.io/service-account-token",
      annotations: { "kubernetes.io/service-account.name": "sa" },
      stringData: { extra: "x" },
    },
  ];
  await admin.applySops(namespace, sealed("types", types));
  await settled(namespace, "types", "Healthy");
  for (const { name, type } of types)
    expect((await admin.secret(namespace, name))?.type).toBe(type);
  // What the cluster adds to a token stays.
  await admin.merge(admin.secretPath(namespace, "sat"), { data: { token: "eA==" } });
  await admin.merge(admin.sopsPath(namespace, "types"), { metadata: { labels: { touched: "1" } } });
  await delay(1500);
  expect(texts(await admin.secret(namespace, "sat"))).toEqual({ extra: "x", token: "x" });
});

test("an empty list of templates is refused by the API server", async () => {
  const namespace = await admin.namespace(`t${++number}`);
  const object = sealed("empty", [{ name: "a", stringData: { a: "b" } }]);
  object.spec = { secretTemplates: [] };
  await expect(admin.applySops(namespace, object)).rejects.toMatchObject({ status: 422 });
});

test("what is changed, added or removed in a child by hand is put right; foreign labels stay", async () => {
  const { namespace } = await setting();
  await admin.applySops(
    namespace,
    sealed("drift", [{ name: "c", labels: { l: "1" }, stringData: { a: "one", b: "two" } }]),
  );
  await settled(namespace, "drift", "Healthy");
  const path = admin.secretPath(namespace, "c");
  await admin.merge(path, {
    data: { a: "eA==", extra: "eA==" },
    metadata: { labels: { l: "2", foreign: "f" } },
  });
  await eventually(async () => {
    const secret = await admin.secret(namespace, "c");
    return (
      secret?.metadata.labels?.["l"] === "1" &&
      JSON.stringify(texts(secret)) === '{"a":"one","b":"two"}'
    );
  }, "the child is put right");
  expect((await admin.secret(namespace, "c"))?.metadata.labels).toMatchObject({ foreign: "f" });
  await admin.merge(path, { data: { b: null } });
  await eventually(
    async () => texts(await admin.secret(namespace, "c"))["b"] === "two",
    "the key comes back",
  );
  await admin.request({ method: "DELETE", path });
  await eventually(
    async () => texts(await admin.secret(namespace, "c"))["a"] === "one",
    "the child comes back",
  );
  await admin.merge(path, { metadata: { labels: { "sopsmith.dev/owner-uid": null } } });
  await eventually(
    async () => (await admin.secret(namespace, "c"))?.metadata.labels?.["sopsmith.dev/owner-uid"],
    "the marker comes back",
  );
});

test("when a template is removed, so is its child; removed keys and labels go too", async () => {
  const { namespace } = await setting();
  await admin.applySops(
    namespace,
    sealed("orphans", [
      { name: "one", stringData: { a: "1" } },
      { name: "two", labels: { x: "1", gone: "1" }, stringData: { a: "1", gone: "2" } },
    ]),
  );
  await settled(namespace, "orphans", "Healthy");
  await admin.applySops(
    namespace,
    sealed("orphans", [{ name: "two", labels: { x: "1" }, stringData: { a: "1" } }]),
  );
  await eventually(
    async () => (await admin.secret(namespace, "one")) === undefined,
    "the orphan is gone",
  );
  await settled(namespace, "orphans", "Healthy");
  const two = await admin.secret(namespace, "two");
  expect(texts(two)).toEqual({ a: "1" });
  expect(Object.keys(two?.metadata.labels ?? {}).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    "sopsmith.dev/owner-uid",
    "x",
  ]);
});

test("broken ciphertext says so, deletes nothing, shows no value, and leaves others alone", async () => {
  const { namespace } = await setting();
  const good = sealed("victim", [{ name: "v", stringData: { password: "hunter2" } }]);
  await admin.applySops(namespace, good);
  await settled(namespace, "victim", "Healthy");
  const [template] = templatesOf(good);
  if (template) template["stringData"] = { password: "plainhunter3" };
  await admin.applySops(namespace, good);
  const object = await settled(namespace, "victim", "Decryption error");
  expect(condition(object, "Ready")).toMatchObject({ status: "False", reason: "DecryptFailed" });
  expect(condition(object, "Stalled")).toMatchObject({ status: "True" });
  expect(JSON.stringify([object.status, await events(namespace)])).not.toContain("hunter");
  expect(texts(await admin.secret(namespace, "v"))).toEqual({ password: "hunter2" });
  await admin.applySops(namespace, sealed("other", [{ name: "o", stringData: { a: "1" } }]));
  await settled(namespace, "other", "Healthy");
  expect(
    await eventually(
      async () => (await events(namespace)).some((text) => text.startsWith("DecryptFailed: ")),
      "the event",
    ),
  ).toBe(true);
});

test("invalid base64 and an empty name are reported; the other templates of the object are written", async () => {
  const { namespace } = await setting();
  await admin.applySops(
    namespace,
    sealed("bad", [
      { name: "fine", stringData: { a: "1" } },
      { name: "bad", data: { a: "%%%" } },
      { name: "", stringData: { a: "1" } },
    ]),
  );
  const object = await settled(namespace, "bad", "New child secret creation error");
  expect(condition(object, "Ready")?.message).toMatch(
    /secretTemplates\[1\]\.data\["a"\] is not valid base64/,
  );
  expect(texts(await admin.secret(namespace, "fine"))).toEqual({ a: "1" });
});

const foreign = (name: string, metadata: object = {}): object => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, ...metadata },
  data: { keep: "eA==" },
});

test("a Secret that is not ours is left alone, until an annotation hands it over", async () => {
  const { namespace } = await setting();
  const before = (await admin.request({
    method: "POST",
    path: admin.secretPath(namespace),
    body: foreign("f"),
  })) as unknown as Secret;
  await admin.applySops(namespace, sealed("taker", [{ name: "f", stringData: { a: "1" } }]));
  const object = await settled(namespace, "taker", "Child secret is not owned by controller error");
  expect(condition(object, "Ready")).toMatchObject({ reason: "OwnershipConflict" });
  expect((await admin.secret(namespace, "f"))?.metadata.resourceVersion).toBe(
    before.metadata.resourceVersion,
  );
  await admin.merge(admin.secretPath(namespace, "f"), {
    metadata: { annotations: { "sopssecret/managed": "true" } },
  });
  // Watched while it stands in the way: the next try is minutes away.
  await settled(namespace, "taker", "Healthy");
  const after = await admin.secret(namespace, "f");
  expect(texts(after)).toEqual({ a: "1" });
  expect(after?.metadata.uid).toBe(before.metadata.uid);
  expect(after?.metadata.annotations?.["sopssecret/managed"]).toBeUndefined();
});

test("a Secret or ConfigMap in the way is replaced as soon as it is gone", async () => {
  const { namespace } = await setting();
  const maps = `/api/v1/namespaces/${namespace}/configmaps`;
  for (const [path, body] of [
    [admin.secretPath(namespace), foreign("way")],
    [maps, { metadata: { name: "way" }, data: { a: "foreign" } }],
  ] as const)
    await admin.request({ method: "POST", path, body });
  const object = sealed("waits", [{ name: "way", stringData: { a: "1" } }]);
  await admin.applySops(namespace, object);
  await admin.applySops(
    namespace,
    sealedSpec("maps", { configMapTemplates: [{ data: { a: "1" }, name: "way" }] }),
  );
  for (const name of ["waits", "maps"])
    await settled(namespace, name, "Child secret is not owned by controller error");
  await admin.request({ method: "DELETE", path: admin.secretPath(namespace, "way") });
  await admin.request({ method: "DELETE", path: `${maps}/way` });
  await settled(namespace, "waits", "Healthy");
  await settled(namespace, "maps", "Healthy");
  expect(texts(await admin.secret(namespace, "way"))).toEqual({ a: "1" });
});

test.each([
  [true, undefined, true],
  [true, true, true],
  [true, false, false],
  [false, undefined, false],
  [false, true, true],
  [false, false, false],
])(
  "enforcement: flag %s and field %s take over a stale owner's Secret: %s",
  async (flag, field, takes) => {
    const { namespace } = await setting(flag ? ["-default-enforce-ownership"] : []);
    const owner = {
      apiVersion: "isindir.github.com/v1alpha3",
      kind: "SopsSecret",
      name: "gone",
      uid: "00000000-0000-4000-8000-000000000000",
      controller: true,
    };
    // The garbage collector would delete it: it is made in the same moment as its new owner.
    const object = sealed("enforcer", [{ name: "s", stringData: { a: "1" } }]);
    if (field !== undefined) object.spec = { ...object.spec, enforceOwnership: field };
    await admin.request({
      method: "POST",
      path: admin.secretPath(namespace),
      body: foreign("s", {
        ownerReferences: [
          { ...owner, kind: "ConfigMap", apiVersion: "v1", uid: await configMap(namespace) },
        ],
      }),
    });
    await admin.applySops(namespace, object);
    if (takes) {
      await settled(namespace, "enforcer", "Healthy");
      expect(texts(await admin.secret(namespace, "s"))).toEqual({ a: "1" });
      expect((await admin.secret(namespace, "s"))?.metadata.ownerReferences).toMatchObject([
        { name: "enforcer", controller: true },
      ]);
    } else {
      await settled(namespace, "enforcer", "Child secret is not owned by controller error");
      expect(texts(await admin.secret(namespace, "s"))).toEqual({ keep: "x" });
    }
  },
);

async function configMap(namespace: string): Promise<string> {
  const made = await admin.request({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/configmaps`,
    body: { metadata: { name: "gone" } },
  });
  return (made["metadata"] as { uid: string }).uid;
}

test("two enforcing objects do not fight over a child: the second is refused and names the first", async () => {
  const { namespace, operator } = await setting(["-default-enforce-ownership"]);
  await admin.applySops(namespace, sealed("first", [{ name: "s", stringData: { a: "1" } }]));
  await settled(namespace, "first", "Healthy");
  await admin.applySops(namespace, sealed("second", [{ name: "s", stringData: { a: "2" } }]));
  const object = await settled(
    namespace,
    "second",
    "Child secret is not owned by controller error",
  );
  expect(condition(object, "Ready")?.message).toContain("belongs to the SopsSecret first");
  const before = await operator.total("sopsmith_secret_writes_total");
  await delay(1500);
  expect(await operator.total("sopsmith_secret_writes_total")).toBe(before);
  expect(texts(await admin.secret(namespace, "s"))).toEqual({ a: "1" });
  // The garbage collector takes the Secret along, and then it is the second one's turn.
  await admin.request({ method: "DELETE", path: admin.sopsPath(namespace, "first") });
  await settled(namespace, "second", "Healthy");
  expect(texts(await admin.secret(namespace, "s"))).toEqual({ a: "2" });
});

test("two templates of one name are refused before anything is written", async () => {
  const { namespace } = await setting();
  await admin.applySops(
    namespace,
    sealed("twice", [
      { name: "s", stringData: { a: "1" } },
      { name: "s", stringData: { a: "2" } },
    ]),
  );
  await settled(namespace, "twice", "New child secret creation error");
  expect(await admin.secret(namespace, "s")).toBeUndefined();
});

test("a child with a changed type and an immutable child are recreated when they are ours", async () => {
  const { namespace } = await setting();
  const immutable = { "sopsmith.dev/immutable": "true" };
  await admin.applySops(
    namespace,
    sealed("anew", [
      { name: "t", stringData: { a: "1" } },
      { name: "i", annotations: immutable, stringData: { a: "1" } },
    ]),
  );
  await settled(namespace, "anew", "Healthy");
  expect((await admin.secret(namespace, "i"))?.immutable).toBe(true);
  await admin.applySops(
    namespace,
    sealed("anew", [
      { name: "t", type: "x/y", stringData: { a: "1" } },
      { name: "i", annotations: immutable, stringData: { a: "2" } },
    ]),
  );
  await eventually(
    async () => texts(await admin.secret(namespace, "i"))["a"] === "2",
    "the immutable child is made anew",
  );
  await settled(namespace, "anew", "Healthy");
  expect((await admin.secret(namespace, "t"))?.type).toBe("x/y");
  expect((await events(namespace)).filter((text) => text.startsWith("Recreated"))).toHaveLength(2);
});

test("a suspended object is left alone; leaving suspension runs a full pass", async () => {
  const { namespace } = await setting();
  await admin.applySops(namespace, sealed("s", [{ name: "c", stringData: { a: "1" } }]));
  await settled(namespace, "s", "Healthy");
  await admin.merge(admin.sopsPath(namespace, "s"), { spec: { suspend: true } });
  const object = await settled(namespace, "s", "Reconciliation is suspended");
  expect(condition(object, "Suspended")).toMatchObject({ status: "True" });
  expect(condition(object, "Ready")).toMatchObject({ status: "True" });
  await admin.request({ method: "DELETE", path: admin.secretPath(namespace, "c") });
  await delay(1000);
  expect(await admin.secret(namespace, "c")).toBeUndefined();
  await admin.merge(admin.sopsPath(namespace, "s"), { spec: { suspend: false } });
  await eventually(() => admin.secret(namespace, "c"), "the child comes back");
  const woken = await settled(namespace, "s", "Healthy");
  expect(condition(woken, "Suspended")).toBeUndefined();
});

test("children go with their owner, by the cluster's garbage collector", async () => {
  const { namespace } = await setting();
  await admin.applySops(namespace, sealed("s", [{ name: "c", stringData: { a: "1" } }]));
  await settled(namespace, "s", "Healthy");
  await admin.request({ method: "DELETE", path: admin.sopsPath(namespace, "s") });
  await eventually(
    async () => (await admin.secret(namespace, "c")) === undefined,
    "the child is collected",
  );
  expect(await admin.secret(namespace, "c")).toBeUndefined();
});

test("a child of the reference operator is taken over completely: one field manager remains", async () => {
  const namespace = await admin.namespace(`t${++number}`);
  await admin.applySops(namespace, sealed("old", [{ name: "c", stringData: { a: "1" } }]));
  const uid = (await admin.sops(namespace, "old"))?.metadata.uid;
  const owner = {
    apiVersion: "isindir.github.com/v1alpha3",
    kind: "SopsSecret",
    name: "old",
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  for (const [name, data] of [
    ["c", { a: "MQ==", b: "Mg==" }],
    ["orphan", { a: "MQ==" }],
  ] as const)
    await admin.request({
      method: "POST",
      path: admin.secretPath(namespace),
      query: { fieldManager: "manager" },
      body: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, labels: { was: "there" }, ownerReferences: [owner] },
        data,
      },
    });
  await startOperator(namespace);
  await settled(namespace, "old", "Healthy");
  const secret = await eventually(async () => {
    const found = await admin.secret(namespace, "c");
    return found?.data?.["b"] === undefined ? found : undefined;
  }, "the old key goes");
  expect(secret.metadata.labels).toEqual({ "sopsmith.dev/owner-uid": uid });
  expect(
    secret.metadata.managedFields?.map(({ manager, operation }) => [manager, operation]),
  ).toEqual([["sopsmith", "Apply"]]);
  await eventually(
    async () => (await admin.secret(namespace, "orphan")) === undefined,
    "the reference's orphan goes",
  );
});

test("a wrong MAC is reported; with -mac-policy require nothing is written", async () => {
  const { namespace } = await setting();
  const object = sealed("m", [{ name: "c", stringData: { a: "1", b: "2" } }]);
  const [template] = templatesOf(object);
  if (template) (template["stringData"] as JsonObject)["b"] = "";
  await admin.applySops(namespace, object);
  const reported = await settled(namespace, "m", "Healthy");
  expect(condition(reported, "MacVerified")).toMatchObject({ status: "False", reason: "Mismatch" });
  expect(
    await eventually(
      async () => (await events(namespace)).some((text) => text.startsWith("MacNotVerified")),
      "the event",
    ),
  ).toBe(true);
  const strict = await setting(["-mac-policy", "require"]);
  await admin.applySops(strict.namespace, object);
  const refused = await settled(strict.namespace, "m", "Decryption error");
  expect(condition(refused, "Ready")).toMatchObject({ status: "False", reason: "MacNotVerified" });
  expect(condition(refused, "Decrypted")).toMatchObject({ status: "True" });
  expect(await admin.secret(strict.namespace, "c")).toBeUndefined();
});

test("an object copied to another namespace is refused there; unbound ones too where scope is required", async () => {
  const { namespace } = await setting();
  const bound = sealed("s", [
    { name: "c", annotations: { "sopsmith.dev/scope": `${namespace}/s` }, stringData: { a: "1" } },
  ]);
  await admin.applySops(namespace, bound);
  expect(condition(await settled(namespace, "s", "Healthy"), "ScopeVerified")).toMatchObject({
    status: "True",
    reason: "Bound",
  });
  expect((await admin.secret(namespace, "c"))?.metadata.annotations).toBeUndefined();
  const other = await setting(["-require-scope"]);
  await admin.applySops(other.namespace, bound);
  const refused = await settled(other.namespace, "s", "Decryption error");
  expect(condition(refused, "Ready")).toMatchObject({ reason: "ScopeMismatch" });
  await admin.applySops(
    other.namespace,
    sealed("unbound", [{ name: "u", stringData: { a: "1" } }]),
  );
  await settled(other.namespace, "unbound", "Decryption error");
  expect(await admin.secret(other.namespace, "c")).toBeUndefined();
  expect(await admin.secret(other.namespace, "u")).toBeUndefined();
});

test("ConfigMaps are created beside Secrets of the same names, kept exact, and removed with their templates", async () => {
  const { namespace } = await setting();
  const object = (names: readonly string[], secrets: readonly Template[]): SopsSecret =>
    sealedSpec("maps", {
      configMapTemplates: names.map((name) => ({
        annotations: { "sopsmith.dev/immutable": name === "frozen" ? "true" : "false" },
        binaryData: { bin: "AAEC/w==" },
        data: { host: "db", port: "5432" },
        labels: { app: "shop" },
        name,
      })),
      ...(secrets.length === 0 ? {} : { secretTemplates: secrets }),
    });
  const path = (name: string): string => `/api/v1/namespaces/${namespace}/configmaps/${name}`;
  await admin.applySops(
    namespace,
    object(["db", "frozen"], [{ name: "db", stringData: { a: "1" } }]),
  );
  const made = await settled(namespace, "maps", "Healthy");
  expect(condition(made, "MacVerified")).toMatchObject({ status: "True" });
  expect(made.status?.children).toEqual([
    { name: "db", type: "Opaque", result: "Created" },
    { name: "db", type: "ConfigMap", result: "Created" },
    { name: "frozen", type: "ConfigMap", result: "Created" },
  ]);
  expect(await admin.get(path("db"))).toMatchObject({
    data: { host: "db", port: "5432" },
    binaryData: { bin: "AAEC/w==" },
    metadata: { labels: { app: "shop" }, ownerReferences: [{ name: "maps", controller: true }] },
  });
  expect(await admin.get(path("frozen"))).toMatchObject({ immutable: true });
  expect(texts(await admin.secret(namespace, "db"))).toEqual({ a: "1" });
  await admin.merge(path("db"), {
    data: { host: "evil", extra: "x" },
    binaryData: { more: "eA==" },
  });
  await eventually(async () => {
    const found = await admin.get(path("db"));
    return (
      JSON.stringify(found?.["data"]) === '{"host":"db","port":"5432"}' &&
      JSON.stringify(found?.["binaryData"]) === '{"bin":"AAEC/w=="}'
    );
  }, "the ConfigMap is put right");
  // Without a Secret at all.
  await admin.applySops(namespace, object(["frozen"], []));
  await eventually(
    async () =>
      (await admin.get(path("db"))) === undefined &&
      (await admin.secret(namespace, "db")) === undefined,
    "both go with their templates",
  );
  expect(condition(await settled(namespace, "maps", "Healthy"), "Ready")).toMatchObject({
    status: "True",
  });
});

test("an object created as v1alpha1 gets a condition that says what to do", async () => {
  const { namespace } = await setting();
  await admin.request({
    method: "POST",
    path: `/apis/isindir.github.com/v1alpha1/namespaces/${namespace}/sopssecrets`,
    body: {
      apiVersion: "isindir.github.com/v1alpha1",
      kind: "SopsSecret",
      metadata: { name: "old" },
      spec: { secret_templates: [{ name: "a", data: {} }] },
    },
  });
  const object = await eventually(async () => {
    const found = await admin.sops(namespace, "old");
    return found?.status?.message === undefined ? undefined : found;
  }, "the old object has a status");
  expect(condition(object, "Ready")).toMatchObject({ reason: "InvalidSpec" });
  expect(condition(object, "Ready")?.message).toContain("k8s migrate");
});
