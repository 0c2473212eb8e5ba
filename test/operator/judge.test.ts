import { expect, test } from "vitest";
import { localKeyService } from "../../src/key-service/key-service.ts";
import type { JsonObject, SopsSecret } from "../../src/k8s/sops-secret.ts";
import { judge, type Policy } from "../../src/operator/judge.ts";
import { secretOf } from "../../src/operator/build.ts";
import { childManifest } from "../../src/operator/config-map.ts";
import { fakeHost } from "../keys/fake-host.ts";
import { aliceHost } from "../verbs.ts";
import { canonical, handOrdered, shop, sopsEncrypt, stored, templatesOnly } from "./objects.ts";

const policy = (changes: Partial<Policy> = {}): Policy => ({
  mac: "report",
  macBudget: 20_000,
  requiresScope: () => false,
  configMaps: true,
  ...changes,
});

const look = (object: SopsSecret, changes: Partial<Policy> = {}, host = aliceHost) =>
  judge(object, { policy: policy(changes), services: [localKeyService] }, host);

/** `MacVerified=True/Verified`, for each condition. */
async function conditions(object: SopsSecret, changes: Partial<Policy> = {}): Promise<string[]> {
  const { findings, refusal } = await look(object, changes);
  return [
    ...findings.map(({ type, status, reason }) => `${type}=${status}/${reason}`),
    ...(refusal === undefined ? [] : [`refused: ${refusal.reason}: ${refusal.text}`]),
  ];
}

const templatesOf = (object: SopsSecret): JsonObject[] =>
  object.spec?.["secretTemplates"] as JsonObject[];

const stringData = (template: JsonObject | undefined): JsonObject =>
  (template?.["stringData"] ?? {}) as JsonObject;

const verified = [
  "Decrypted=True/Decrypted",
  "MacVerified=True/Verified",
  "ScopeVerified=True/Bound",
];
const unbound = "ScopeVerified=Unknown/Unbound";

test("a canonical file is decrypted, verified, bound and built exactly", async () => {
  const object = stored(sopsEncrypt(shop, ...canonical));
  expect(await conditions(object)).toEqual(verified);
  const { templates } = await look(object);
  const secrets = templates.map(
    ({ child }) => child && secretOf(child, "shop", { name: "shop", uid: "u1" }),
  );
  const owner = {
    apiVersion: "isindir.github.com/v1alpha3",
    kind: "SopsSecret",
    name: "shop",
    uid: "u1",
    controller: true,
    blockOwnerDeletion: true,
  };
  expect(JSON.parse(JSON.stringify(secrets))).toEqual([
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        labels: { app: "shop", "sopsmith.dev/owner-uid": "u1" },
        name: "db",
        namespace: "shop",
        ownerReferences: [owner],
      },
      data: { password: "czNjcmV0LUE=", username: "c2hvcA==" },
      type: "Opaque",
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        labels: { "sopsmith.dev/owner-uid": "u1" },
        name: "tls",
        namespace: "shop",
        ownerReferences: [owner],
      },
      data: { cert: "AAEC/w==" },
      type: "custom/type",
    },
  ]);
});

test("with a MAC over the encrypted values, what a cluster adds does not matter", async () => {
  const object = stored(sopsEncrypt(shop, ...canonical), {
    labels: { a: "b" },
    annotations: { c: "d" },
  });
  const spec = { ...object.spec, suspend: true, enforceOwnership: true };
  expect(await conditions({ ...object, spec })).toEqual(verified);
});

test("with a MAC over everything, the metadata of the file is found again", async () => {
  const plain = stored(sopsEncrypt(shop, ...templatesOnly));
  expect(await conditions(plain)).toEqual(verified);
  const injected = { "kubectl.kubernetes.io/last-applied-configuration": "{}" };
  expect(
    await conditions(stored(sopsEncrypt(shop, ...templatesOnly), { annotations: injected })),
  ).toEqual(verified);
  const labelled = shop.replace("  namespace: shop", "  namespace: shop\n  labels: {team: a}");
  const object = stored(sopsEncrypt(labelled, ...templatesOnly));
  expect(await conditions(object)).toEqual(verified);
  const applied = JSON.stringify(object);
  object.metadata = {
    ...object.metadata,
    labels: { team: "a", other: "b" },
    annotations: {
      "kubectl.kubernetes.io/last-applied-configuration": applied
        .replace(/"uid":"u1",?/, "")
        .replace(/"(generation|resourceVersion)":[^,}]*,?/g, "")
        .replace(/,}/g, "}"),
    },
  };
  expect(await conditions(object)).toEqual(verified);
});

test.each([
  ["encrypted values", canonical],
  ["everything", templatesOnly],
])(
  "the order in which a person wrote the keys is found, with a MAC over %s",
  async (_what, args) => {
    const object = stored(sopsEncrypt(handOrdered, ...args));
    expect(await conditions(object)).toEqual([
      "Decrypted=True/Decrypted",
      "MacVerified=True/Verified",
      unbound,
    ]);
  },
);

test("without enough tries the order stays unknown, and the message says what to do", async () => {
  const { findings } = await look(stored(sopsEncrypt(handOrdered, ...canonical)), { macBudget: 3 });
  expect(findings[1]).toMatchObject({ status: "Unknown", reason: "OrderUnknown" });
  expect(findings[1]?.message).toContain('run "sopsmith k8s fix"');
});

type Tamper = [string, (object: SopsSecret, templates: JsonObject[]) => void];
const swapped: Tamper[] = [
  [
    "names swapped between templates",
    (_object, [a, b]) => {
      const name = a?.["name"];
      if (a) a["name"] = b?.["name"];
      if (b) b["name"] = name;
    },
  ],
  ["a value deleted", (_object, [a]) => void delete stringData(a)["password"]],
  ["a template deleted", (_object, templates) => void templates.pop()],
  ["a value emptied", (_object, [a]) => void (stringData(a)["password"] = "")],
  [
    "mac_only_encrypted dropped",
    (object) => void delete (object.sops as JsonObject)["mac_only_encrypted"],
  ],
];

test.each(swapped)(
  "%s is reported in the condition, and refused if the flag says so",
  async (_what, tamper) => {
    const object = stored(sopsEncrypt(shop, ...canonical));
    tamper(object, templatesOf(object));
    expect((await conditions(object))[1]).toBe("MacVerified=False/Mismatch");
    expect((await look(object)).templates.length).toBeGreaterThan(0);
    expect(await conditions(object, { mac: "require" })).toContain(
      "refused: MacNotVerified: Decryption error",
    );
    expect((await look(object, { mac: "require" })).templates).toEqual([]);
    expect((await conditions(object, { mac: "off" }))[1]).toBe("MacVerified=Unknown/NotChecked");
  },
);

const switched: [string, object, object][] = [
  ["suspend added", {}, { suspend: false }],
  ["enforceOwnership added", {}, { enforceOwnership: true }],
  ["both added", {}, { enforceOwnership: false, suspend: false }],
  ["suspend turned off", { suspend: true }, { suspend: false }],
  ["enforceOwnership turned on", { enforceOwnership: false }, { enforceOwnership: true }],
  ["both as they were", { enforceOwnership: true, suspend: true }, {}],
];

test.each(switched)(
  "%s by kubectl is not tampering, with any MAC and selector; a real change next to it still is",
  async (_what, before, after) => {
    const yaml = shop.replace(
      "spec:\n",
      `spec:\n${Object.entries(before)
        .map(([name, value]) => `  ${name}: ${value}\n`)
        .join("")}`,
    );
    for (const args of [templatesOnly, canonical]) {
      const object = stored(sopsEncrypt(yaml, ...args));
      object.spec = { ...object.spec, ...after };
      expect((await conditions(object))[1]).toBe("MacVerified=True/Verified");
      stringData(templatesOf(object)[0])["password"] = "";
      const [, mac] = (await look(object)).findings;
      expect(mac?.status).not.toBe("True");
      // Whole files have more orders than are tried.
      if (args !== canonical) continue;
      expect(mac?.reason).toBe("Mismatch");
      // Whoever signs a changed file anew makes the change good.
      expect(mac?.message).toBe(
        "the MAC does not match, because something was changed without the key or lost on the way; restore the object from its file",
      );
    }
  },
);

test("kubectl's record of what was applied shows what the switches were", async () => {
  const file = stored(
    sopsEncrypt(shop.replace("spec:\n", "spec:\n  suspend: true\n"), ...templatesOnly),
  );
  const { apiVersion, kind, spec, sops, metadata } = file;
  const { name = "", namespace = "" } = metadata;
  const labels = { "app.kubernetes.io/managed-by": "x" };
  const body = { apiVersion, kind, metadata: { name, namespace, labels: {} }, spec, sops };
  const object = stored(sopsEncrypt(shop, ...templatesOnly));
  object.spec = { ...spec, suspend: false };
  object.sops = sops as JsonObject;
  object.metadata = {
    ...object.metadata,
    labels,
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(body) },
  };
  expect((await conditions(object))[1]).toBe("MacVerified=True/Verified");
});

test("unencrypted names are not covered, and the condition says so", async () => {
  const object = stored(
    sopsEncrypt(shop, "--encrypted-regex", "^(data|stringData)$", "--mac-only-encrypted"),
  );
  const [, mac, scope] = await conditions(object);
  expect(mac).toBe("MacVerified=True/VerifiedEncryptedOnly");
  // An annotation in clear proves nothing.
  expect(scope).toBe(unbound);
});

test("a missing MAC and an unreadable one are told apart from a wrong one", async () => {
  const without = stored(sopsEncrypt(shop, ...canonical));
  delete (without.sops as JsonObject)["mac"];
  expect((await conditions(without))[1]).toBe("MacVerified=False/MacMissing");
  const moved = stored(sopsEncrypt(shop, ...canonical));
  (moved.sops as JsonObject)["lastmodified"] = "2020-01-01T00:00:00Z";
  expect((await conditions(moved))[1]).toBe("MacVerified=False/MacUnreadable");
});

test("a renamed key and plaintext in place of ciphertext are refused, without the value", async () => {
  const renamed = stored(sopsEncrypt(shop, ...canonical));
  const data = stringData(templatesOf(renamed)[0]);
  data["other"] = data["password"];
  delete data["password"];
  expect(await conditions(renamed)).toEqual([
    "Decrypted=False/DecryptFailed",
    "refused: DecryptFailed: Decryption error",
  ]);
  const plain = stored(sopsEncrypt(shop, ...canonical));
  stringData(templatesOf(plain)[0])["password"] = "hunter2";
  const { refusal } = await look(plain);
  expect(refusal?.reason).toBe("DecryptFailed");
  expect(refusal?.message).toContain("password");
  expect(refusal?.message).not.toContain("hunter2");
});

test("a missing key is reported with what to do, and is worth another try", async () => {
  const { refusal, findings } = await look(
    stored(sopsEncrypt(shop, ...canonical)),
    {},
    fakeHost({ env: {} }),
  );
  expect(findings).toMatchObject([
    { type: "Decrypted", status: "False", reason: "KeyUnavailable" },
  ]);
  expect(refusal).toMatchObject({
    reason: "KeyUnavailable",
    text: "Decryption error",
    isStalled: false,
  });
  expect(refusal?.message).toMatch(/age1/);
});

test("a key file that is not where it should be is named in the condition", async () => {
  const { refusal } = await look(
    stored(sopsEncrypt(shop, ...canonical)),
    {},
    fakeHost({ env: { SOPS_AGE_KEY_FILE: "/etc/keys/key" } }),
  );
  expect(refusal?.message).toMatch(/^correct SOPS_AGE_KEY_FILE, which could not be used.*age1/);
});

test.each([
  ["another namespace", { namespace: "evil" }],
  ["another name", { name: "other" }],
])("an object copied to %s is refused", async (_what, metadata) => {
  const object = stored(sopsEncrypt(shop, ...canonical), metadata);
  expect(await conditions(object)).toEqual([
    "Decrypted=True/Decrypted",
    "MacVerified=True/Verified",
    "ScopeVerified=False/ScopeMismatch",
    "refused: ScopeMismatch: Decryption error",
  ]);
});

test("a scope for the namespace or for all fits, but the latter does not if a scope is required", async () => {
  const wide = stored(sopsEncrypt(shop.replaceAll("shop/shop", "shop/*"), ...canonical), {
    name: "other",
  });
  expect((await conditions(wide, { requiresScope: () => true }))[2]).toBe(
    "ScopeVerified=True/Bound",
  );
  const any = stored(sopsEncrypt(shop.replaceAll("shop/shop", "'*/*'"), ...canonical));
  expect((await conditions(any))[2]).toBe("ScopeVerified=True/Bound");
  expect((await conditions(any, { requiresScope: () => true }))[2]).toBe(
    "ScopeVerified=False/ScopeMismatch",
  );
});

test("every template must be bound when one is; none needs to be unless a flag says so", async () => {
  const half = stored(
    sopsEncrypt(
      shop.replace(
        "    - annotations:\n        sopsmith.dev/scope: shop/shop\n      data",
        "    - data",
      ),
      ...canonical,
    ),
  );
  expect(await conditions(half)).toContain("ScopeVerified=False/ScopeIncomplete");
  const none = stored(sopsEncrypt(handOrdered, ...canonical));
  expect(await conditions(none, { requiresScope: (ns) => ns === "shop" })).toContain(
    "refused: ScopeMismatch: Decryption error",
  );
});

async function problems(yaml: string): Promise<(string | undefined)[]> {
  const { templates, refusal } = await look(stored(sopsEncrypt(yaml, ...canonical)));
  return refusal === undefined
    ? templates.map(({ problem }) => problem && `${problem.text}: ${problem.message}`)
    : [`refused: ${refusal.message}`];
}

test("one bad template does not block the others", async () => {
  const found = await problems(shop.replace("cert: AAEC/w==", "cert: not-base64!"));
  expect(found).toEqual([
    undefined,
    'New child secret creation error: spec.secretTemplates[1].data["cert"] is not valid base64 after decryption: put plain text into stringData',
  ]);
});

test.each([
  ["an empty name", "name: tls", 'name: ""', /\[1\]\.name is empty/],
  ["a name that is none", "name: tls", "name: TLS_x", /\[1\]\.name is not a valid name/],
  [
    "a number",
    "username: shop",
    "username: 5432",
    /\["username"\] is a number, not text: quote the value/,
  ],
  ["a boolean", "username: shop", "username: true", /Decryption error: .*is a boolean, not text/],
  ["a key that no Secret can have", "username: shop", "'user name': shop", /"user name"/],
])("%s is reported with its place", async (_what, from, to, message) => {
  expect((await problems(shop.replace(from, to))).filter(Boolean).join("\n")).toMatch(message);
});

test("two templates of one name are refused before anything is written", async () => {
  expect(await problems(shop.replace("name: tls", "name: db"))).toEqual([
    'refused: two templates have the name "db": rename one, or put their values into one template',
  ]);
});

test("data wins over stringData, directives are not copied, keys that look special are ordinary", async () => {
  const yaml = shop
    .replace(
      "username: shop",
      'username: shop\n        __proto__: p\n        "10": ten\n        "9": nine',
    )
    .replace("cert: AAEC/w==", "cert: AAEC/w==\n      stringData:\n        cert: text")
    .replace(
      "sopsmith.dev/scope: shop/shop",
      "note: kept\n        sopsmith.dev/immutable: 'true'\n        sopsmith.dev/scope: shop/shop",
    );
  const { templates } = await look(stored(sopsEncrypt(yaml, ...canonical)));
  const [db, tls] = templates.map(({ child }) => child);
  expect([...(db?.data.keys() ?? [])]).toEqual(["10", "9", "__proto__", "password", "username"]);
  expect(JSON.stringify(db && secretOf(db, "shop", undefined).data)).toContain(
    '"__proto__":"cA=="',
  );
  expect(db).toMatchObject({ isImmutable: true, annotations: new Map([["note", "kept"]]) });
  expect(tls?.data).toEqual(new Map([["cert", "AAEC/w=="]]));
});

test("values that are not UTF-8 keep their bytes", async () => {
  const yaml = shop.replace("username: shop", 'username: !!binary "/wCA"');
  const { templates } = await look(stored(sopsEncrypt(yaml, ...canonical)));
  expect(templates[0]?.child?.data.get("username")).toBe("/wCA");
});

test.each([
  ["absent", undefined, /absent: .*secret_templates/],
  ["no list", {}, /must be a list/],
  ["empty", [], /at least one/],
  ["with a text", ["x"], /comment/],
])("templates that are %s make the spec invalid", async (_what, secretTemplates, message) => {
  const { refusal } = await look({
    metadata: { name: "a" },
    spec: { secretTemplates },
  });
  expect(refusal?.reason).toBe("InvalidSpec");
  expect(refusal?.message).toMatch(message);
});

test("an object without a sops block, and one selected by comments, cannot be decrypted", async () => {
  const plain = stored(shop);
  expect((await look(plain)).refusal?.message).toMatch(/^the object is not encrypted: /);
  const { sops: _, ...cut } = stored(sopsEncrypt(shop, ...canonical));
  expect((await look(cut)).refusal?.message).toMatch(
    /^the object has encrypted values, but no sops/,
  );
  expect((await look(plain)).refusal).toMatchObject({
    reason: "DecryptFailed",
    text: "Decryption error",
  });
  const commented = stored(
    sopsEncrypt(shop.replace("spec:", "# secret\nspec:"), "--encrypted-comment-regex", "secret"),
  );
  expect((await look(commented)).refusal?.message).toContain("comments are lost");
});

test("what is applied has its fields in the order of their names, for Secrets and for ConfigMaps", async () => {
  const file = shop.replace(
    "spec:\n",
    "spec:\n  configMapTemplates:\n    - annotations:\n        sopsmith.dev/immutable: 'true'\n        sopsmith.dev/scope: shop/shop\n      binaryData:\n        b: AAEC/w==\n      data:\n        a: one\n      name: map\n",
  );
  const { templates, refusal } = await look(stored(sopsEncrypt(file, ...canonical)));
  expect(refusal).toBeUndefined();
  const manifests = templates.map(({ child }) =>
    child === undefined ? {} : childManifest(secretOf(child, "shop", undefined)),
  );
  expect(manifests.map((one) => Object.keys(one).join(" "))).toEqual([
    "apiVersion data kind metadata type",
    "apiVersion data kind metadata type",
    "apiVersion binaryData data immutable kind metadata",
  ]);
  expect(manifests[2]).toMatchObject({ data: { a: "one" }, binaryData: { b: "AAEC/w==" } });
});
