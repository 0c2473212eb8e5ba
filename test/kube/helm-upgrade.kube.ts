import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { helm } from "../../scripts/kube-setup.ts";
import { isObject, type Json, type JsonObject } from "../../src/k8s/sops-secret.ts";
import { Sandbox } from "../cli/sandbox.ts";
import { canonical, handOrdered, sopsEncrypt, stored } from "../operator/objects.ts";
import { eventually, Kube, Operator, type Client } from "./harness.ts";

const chart = join(import.meta.dirname, "../../deploy/chart");
const crdPath =
  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sopssecrets.isindir.github.com";
const dir = mkdtempSync(join(tmpdir(), "sopsmith-helm-"));
const former = join(dir, "former");
let kube: Kube;
let admin: Client;
let number = 0;

/** The CRD as the former chart has it: with nothing that sopsmith adds. */
function formerCrd(): JsonObject {
  const text = execFileSync(process.execPath, [Sandbox.program, "k8s", "crd", "-o", "json"], {
    encoding: "utf8",
  });
  const crd = JSON.parse(text) as {
    spec: {
      versions: {
        additionalPrinterColumns?: Json;
        schema: { openAPIV3Schema: { properties: { status: Json; sops: JsonObject } } };
      }[];
    };
  };
  for (const version of crd.spec.versions) {
    const { properties } = version.schema.openAPIV3Schema;
    delete properties.sops["x-kubernetes-preserve-unknown-fields"];
    properties.status = { type: "object", properties: { message: { type: "string" } } };
    version.additionalPrinterColumns = [
      { name: "Status", type: "string", jsonPath: ".status.message" },
    ];
  }
  return crd as object as JsonObject;
}

const run = (...args: readonly string[]) =>
  spawnSync(helm, [...args], {
    encoding: "utf8",
    env: { ...process.env, KUBECONFIG: kube.kubeconfig },
  });

function helmOk(...args: readonly string[]): string {
  const { status, stdout, stderr } = run(...args);
  expect(status, `${args.join(" ")}\n${stderr}`).toBe(0);
  return stdout;
}

beforeAll(async () => {
  cpSync(join(import.meta.dirname, "former-chart"), former, { recursive: true });
  mkdirSync(join(former, "crds"));
  writeFileSync(join(former, "crds/crd.yaml"), stringify(formerCrd()));
  kube = await Kube.start();
  admin = kube.client();
});
beforeEach(async () => {
  const releases = JSON.parse(helmOk("list", "-A", "-o", "json")) as {
    name: string;
    namespace: string;
  }[];
  for (const { name, namespace } of releases) helmOk("uninstall", name, "-n", namespace);
  if ((await admin.get(crdPath)) === undefined) return;
  await admin.request({ method: "DELETE", path: crdPath });
  await eventually(async () => (await admin.get(crdPath)) === undefined, "the CRD is gone");
});
afterAll(async () => {
  await kube?.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Deployment {
  metadata: { labels: Record<string, string> };
  spec: {
    selector: { matchLabels: Record<string, string> };
    template: { spec: { securityContext?: JsonObject; containers: Container[] } };
  };
}
interface Container {
  image: string;
  args: string[];
  securityContext?: JsonObject;
  resources: JsonObject;
  env: { name: string; value?: string }[];
}

const deployment = async (namespace: string): Promise<Deployment> =>
  (await admin.get(
    `/apis/apps/v1/namespaces/${namespace}/deployments/sops-sops-secrets-operator`,
  )) as unknown as Deployment;

/** A release of the former chart, in a namespace of its own. */
async function formerRelease(...args: readonly string[]): Promise<string> {
  const namespace = `former${++number}`;
  helmOk("install", "sops", former, "-n", namespace, "--create-namespace", ...args);
  await eventually(
    () => admin.get("/apis/isindir.github.com/v1alpha3/sopssecrets").catch(() => undefined),
    "the CRD is served",
  );
  return namespace;
}

const versionOf = (crd: JsonObject | undefined): unknown =>
  isObject(crd?.["metadata"]) ? [crd["metadata"]["uid"], crd["metadata"]["generation"]] : undefined;

test.each([
  ["default values", []],
  ["reused values", ["--reuse-values"]],
])(
  "a release of the former chart is upgraded with %s: the CRD and the objects stay, and the operator works",
  async (_name, args) => {
    const namespace = await formerRelease();
    await admin.applySops(namespace, stored(sopsEncrypt(handOrdered, ...canonical)));
    const [before, crd] = [await deployment(namespace), await admin.get(crdPath)];
    const notes = helmOk("upgrade", "sops", chart, "-n", namespace, ...args);
    expect(versionOf(await admin.get(crdPath))).toEqual(versionOf(crd));
    expect(notes).toContain("already existed and was left as it is");
    expect(notes.includes("belongs to the former operator, so")).toBe(args.length > 0);
    const after = await deployment(namespace);
    expect(after.spec.selector).toEqual(before.spec.selector);
    const [container] = after.spec.template.spec.containers;
    expect(container?.image).toBe("sopsmith:0.1.0");
    const { securityContext } = after.spec.template.spec;
    if (args.length > 0) {
      // What the former release had is as it was.
      expect(securityContext).toEqual({});
      expect(container?.securityContext).toBeUndefined();
      expect(container?.resources).toEqual({});
    } else expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532 });
    const operator = await Operator.start(kube.kubeconfig, [
      ...(container?.args ?? []).filter((arg) => !/^-(?:health|metrics)\S*address=/.test(arg)),
      "-leader-election-namespace",
      namespace,
    ]);
    try {
      await eventually(
        async () => (await admin.sops(namespace, "shop"))?.status?.message === "Healthy",
        "the object is healthy",
      );
    } finally {
      expect(await operator.stop()).toBe(0);
    }
    const listed = JSON.parse(helmOk("list", "-n", namespace, "-o", "json")) as {
      chart: string;
      app_version: string;
    }[];
    expect(listed).toMatchObject([
      { chart: "sops-secrets-operator-1.0.0", app_version: "sopsmith-0.1.0" },
    ]);
  },
);

test("values of the former chart for security contexts and keys are honoured through an upgrade", async () => {
  const values = join(dir, "values.yaml");
  writeFileSync(
    values,
    stringify({
      secretsAsFiles: [{ name: "keys", mountPath: "/etc/keys", secretName: "keys" }],
      extraEnv: [
        { name: "SOPS_AGE_KEY_FILE", value: "/etc/keys/key" },
        { name: "AWS_SDK_LOAD_CONFIG", value: 1 },
      ],
      securityContext: {
        enabled: true,
        customPodSecurityContext: {
          runAsNonRoot: true,
          runAsUser: 1_000_720_000,
          seccompProfile: { type: "Unconfined" },
        },
        container: {
          enabled: true,
          customContainerSecurityContext: { allowPrivilegeEscalation: false },
        },
      },
      resources: { limits: { memory: "128Mi" } },
    }),
  );
  const namespace = await formerRelease("-f", values);
  helmOk("upgrade", "sops", chart, "-n", namespace, "--reuse-values");
  const { spec } = (await deployment(namespace)).spec.template;
  expect(spec.securityContext).toEqual({
    runAsNonRoot: true,
    runAsUser: 1_000_720_000,
    seccompProfile: { type: "Unconfined" },
  });
  const [container] = spec.containers;
  expect(container?.securityContext).toEqual({ allowPrivilegeEscalation: false });
  expect(container?.resources).toEqual({ limits: { memory: "128Mi" } });
  expect(container?.env).toContainEqual({ name: "AWS_SDK_LOAD_CONFIG", value: "1" });
  writeFileSync(
    values,
    stringify({
      securityContext: {
        enabled: true,
        runAsNonRoot: false,
        runAsUser: 13_001,
        runAsGroup: 13_001,
        fsGroup: 13_001,
        seccompProfileType: "Localhost",
        seccompProfileName: "p.json",
        container: {
          enabled: true,
          capabilities: { drop: ["all"], add: ["NET_BIND_SERVICE"] },
        },
      },
    }),
  );
  helmOk("upgrade", "sops", chart, "-n", namespace, "-f", values);
  const preset = (await deployment(namespace)).spec.template.spec;
  expect(preset.securityContext).toEqual({
    runAsNonRoot: false,
    runAsUser: 13_001,
    runAsGroup: 13_001,
    fsGroup: 13_001,
    seccompProfile: { type: "Localhost", localhostProfile: "p.json" },
  });
  expect(preset.containers[0]?.securityContext).toMatchObject({
    capabilities: { drop: ["all"], add: ["NET_BIND_SERVICE"] },
  });
});

test.each([
  // Whoever makes roles themselves makes the account too: Helm refuses to touch one that it did not make.
  ["roles made by hand", ["rbac.enabled=false"], "sops-sops-secrets-operator"],
  ["an account made by hand", ["serviceAccount.enabled=false,serviceAccount.name=own"], "own"],
  ["one namespace", ["namespaced=true"], undefined],
  ["other names", ["nameOverride=decrypt,podLabels.team=a"], undefined],
  ["a full name", ["fullnameOverride=sealed,serviceAccount.name=sealed-account"], undefined],
  [
    "keys of clouds",
    [
      "gcp.enabled=true,gcp.svcAccSecret=key",
      "azure.enabled=true,azure.tenantId=t,azure.clientId=c,azure.clientSecret=s",
    ],
    undefined,
  ],
  ["a number for the log level", ["logging.level=2,requeueAfter=0"], undefined],
])(
  "a release of the former chart with %s is upgraded and rolled back",
  async (_, sets, account) => {
    const namespace = `former${number + 1}`;
    const accountPath = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await admin.namespace(namespace);
    if (account !== undefined)
      await admin.request({
        method: "POST",
        path: accountPath,
        body: { metadata: { name: account } },
      });
    const args = sets.flatMap((set) => ["--set", set]);
    await formerRelease(...args);
    for (const reused of [["--reuse-values"], args]) {
      helmOk("upgrade", "sops", chart, "-n", namespace, ...reused);
      const list = await admin.get(`/apis/apps/v1/namespaces/${namespace}/deployments`);
      const [only, further] = (list?.["items"] ?? []) as unknown as (Deployment & {
        spec: { template: { spec: { serviceAccountName: string } } };
      })[];
      expect(further).toBeUndefined();
      const { serviceAccountName } = only?.spec.template.spec ?? { serviceAccountName: "" };
      expect(await admin.get(`${accountPath}/${serviceAccountName}`)).toBeDefined();
      expect(only?.spec.template.spec.containers[0]?.image).toBe("sopsmith:0.1.0");
      helmOk("rollback", "sops", "1", "-n", namespace);
    }
  },
);

test("crds.adopt with --take-ownership updates the former CRD in place, and keeps every object", async () => {
  const namespace = await formerRelease();
  await admin.applySops(namespace, stored(sopsEncrypt(handOrdered, ...canonical)));
  const uid = (await admin.sops(namespace, "shop"))?.metadata.uid;
  helmOk("upgrade", "sops", chart, "-n", namespace, "--take-ownership", "--set", "crds.adopt=true");
  const crd = JSON.stringify(await admin.get(crdPath));
  expect(crd).toContain("observedGeneration");
  expect(crd).toContain('"helm.sh/resource-policy":"keep"');
  // From now on it is the release's own.
  expect(helmOk("upgrade", "sops", chart, "-n", namespace)).not.toContain("left as it is");
  helmOk("uninstall", "sops", "-n", namespace);
  expect((await admin.sops(namespace, "shop"))?.metadata.uid).toBe(uid);
});

test("a first installation creates the CRD; it stays when the release is removed, and a second release leaves it alone", async () => {
  const namespace = `first${++number}`;
  helmOk("install", "sops", chart, "-n", namespace, "--create-namespace");
  const crd = await admin.get(crdPath);
  expect(crd).toBeDefined();
  helmOk("upgrade", "sops", chart, "-n", namespace, "--set", "workers=4");
  expect(versionOf(await admin.get(crdPath))).toEqual(versionOf(crd));
  helmOk("uninstall", "sops", "-n", namespace);
  const notes = helmOk("install", "second", chart, "-n", namespace);
  expect(notes).toContain("already existed and was left as it is");
  expect(versionOf(await admin.get(crdPath))).toEqual(versionOf(crd));
});

test("every value that is absent or null is as good as its default", () => {
  const template = (...args: string[]): string =>
    helmOk("template", "sops", chart, "-n", "ops", ...args);
  const usual = template();
  const values = parse(readFileSync(join(chart, "values.yaml"), "utf8")) as Record<string, unknown>;
  for (const name of Object.keys(values)) {
    if (name === "resources" || name === "securityContext") continue;
    expect(template("--set", `${name}=null`), name).toBe(usual);
  }
  expect(template("--set", "securityContext.container=null")).toBe(usual);
  const open = template("--set", "securityContext.runAsUser=null,resources=null");
  expect(open).not.toMatch(/runAsUser|memory:/);
});
