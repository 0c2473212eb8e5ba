import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { madeFiles } from "../../scripts/chart.ts";
import { helm } from "../../scripts/kube-setup.ts";
import type { JsonObject } from "../../src/k8s/sops-secret.ts";
import { canonical, sopsEncrypt, stored } from "../operator/objects.ts";
import { eventually, Kube, Operator, type Client } from "./harness.ts";
import { Recorder, rightOf } from "./recorder.ts";

const deploy = join(import.meta.dirname, "../../deploy");
const chart = join(deploy, "chart");

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

/** What `helm template` makes of the chart. */
function rendered(...sets: readonly string[]): Manifest[] {
  const args = sets.flatMap((set) => ["--set", set]);
  const text = execFileSync(helm, ["template", "sops", chart, "--namespace", "ops", ...args], {
    encoding: "utf8",
  });
  return parseAllDocuments(text).flatMap(
    (document) => (document.toJSON() as Manifest | null) ?? [],
  );
}

let kube: Kube;
let admin: Client;

beforeAll(async () => {
  kube = await Kube.start(
    'op-token,system:serviceaccount:ops:sops-sops-secrets-operator,u1,"system:serviceaccounts"',
  );
  admin = kube.client();
  await admin.installCrd();
  await admin.namespace("ops");
  await admin.merge("/api/v1/namespaces/ops", {
    metadata: {
      labels: {
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/enforce": "restricted",
      },
    },
  });
});
afterAll(() => kube?.stop());

const groups: Record<string, string> = {
  ServiceAccount: "serviceaccounts",
  Service: "services",
  Secret: "secrets",
  Deployment: "deployments",
  Role: "roles",
  RoleBinding: "rolebindings",
  ClusterRole: "clusterroles",
  ClusterRoleBinding: "clusterrolebindings",
  CustomResourceDefinition: "customresourcedefinitions",
  PodDisruptionBudget: "poddisruptionbudgets",
  NetworkPolicy: "networkpolicies",
  ConfigMap: "configmaps",
};

function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  return `${root}${namespace}/${groups[kind] ?? kind}/${metadata.name}`;
}

const apply = (manifest: Manifest, dryRun: boolean): Promise<JsonObject> =>
  admin.request({
    method: "PATCH",
    path: pathOf(manifest),
    query: {
      fieldManager: "test",
      force: "true",
      fieldValidation: "Strict",
      ...(dryRun ? { dryRun: "All" } : {}),
    },
    contentType: "application/apply-patch+yaml",
    body: manifest,
  });

const matrix: readonly (readonly string[])[] = [
  [],
  ["namespaced=true"],
  ["namespaced=true", "kubeconfig.enabled=true", "kubeconfig.path=/k/config"],
  ["watchNamespaces={ops,default}"],
  ["gcp.enabled=true", "gcp.svcAccSecret=key"],
  ["azure.enabled=true", "azure.tenantId=a", "azure.clientId=b", "azure.clientSecret=c"],
  ["gpg.enabled=true"],
  ["securityContext.enabled=false"],
  ["metrics.service=true", "podDisruptionBudget.enabled=true", "networkPolicy.enabled=true"],
  [
    "networkPolicy.enabled=true",
    "networkPolicy.egress.enabled=true",
    "networkPolicy.egress.apiServerCidrs={10.0.0.1/32}",
    "networkPolicy.egress.to[0].ports[0].port=8200",
  ],
  ["metrics.dashboard.enabled=true", "metrics.perObject=true"],
  ["vault.address=https://vault:8200", "vault.role=sops", "vault.audience=vault"],
  ["keySecretSelector=sopsmith.dev/keys=true", "extraArgs={-kube-api-qps=50}"],
  ["podLabels.a=b", "podAnnotations.c=d", "topologySpreadConstraints=null"],
  ["fullnameOverride=full", "serviceAccount.name=other"],
  [
    "rbac.enabled=false",
    "crds.install=false",
    "serviceAccount.enabled=false",
    "serviceAccount.name=there",
  ],
  [
    "extraEnv[0].name=A",
    "extraEnv[0].valueFrom.secretKeyRef.name=s",
    "extraEnv[0].valueFrom.secretKeyRef.key=k",
    "priorityClassName=high",
  ],
  [
    "secretsAsFiles[0].name=keys",
    "secretsAsFiles[0].mountPath=/etc/keys",
    "secretsAsFiles[0].secretName=keys",
    "replicaCount=2",
  ],
];

test.each(matrix.map((sets) => [sets.join(" ") || "defaults", sets] as const))(
  "the chart with %s is accepted by a real API server, field for field",
  async (_name, sets) => {
    const manifests = rendered(...sets);
    expect(manifests.map(({ kind }) => kind)).toContain("Deployment");
    for (const manifest of manifests) await expect(apply(manifest, true)).resolves.toBeDefined();
  },
);

test("helm lint finds nothing; a service account without a name is refused with a reason", () => {
  const lint = spawnSync(helm, ["lint", "--strict", chart], { encoding: "utf8" });
  expect(lint.stdout).toContain("0 chart(s) failed");
  const refused = spawnSync(
    helm,
    ["template", "x", chart, "--set", "serviceAccount.enabled=false"],
    { encoding: "utf8" },
  );
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).toContain("serviceAccount.name is needed");
});

test("the pod is admitted where the restricted level is enforced", async () => {
  const deployment = rendered().find(({ kind }) => kind === "Deployment") as unknown as {
    spec: { template: JsonObject };
  };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    ...deployment.spec.template,
    metadata: { name: "p" },
  };
  await apply(rendered().find(({ kind }) => kind === "ServiceAccount") as Manifest, false);
  await expect(
    admin.request({
      method: "POST",
      path: "/api/v1/namespaces/ops/pods",
      query: { dryRun: "All" },
      body: pod,
    }),
  ).resolves.toBeDefined();
});

test("the plain manifests match the chart", () => {
  const crd = execFileSync(
    process.execPath,
    [join(deploy, "../dist/bin/sopsmith.js"), "k8s", "crd"],
    { encoding: "utf8" },
  );
  expect(readFileSync(join(deploy, "crd.yaml"), "utf8")).toBe(crd);
  expect(readFileSync(join(chart, "files/crd.yaml"), "utf8")).toBe(crd);
  for (const [file, set] of [
    ["install.yaml", "namespaced=false"],
    ["install-namespaced.yaml", "namespaced=true"],
  ] as const) {
    const text = execFileSync(helm, installArgs(set), { encoding: "utf8" });
    // Helm does not manage what kubectl applies.
    expect(readFileSync(join(deploy, file), "utf8")).toBe(
      text.replaceAll(/.*managed-by: Helm\n/g, ""),
    );
  }
});

/** As deploy/README.md says they are made. */
const installArgs = (set: string): string[] => [
  "template",
  "sops",
  chart,
  "--namespace",
  "sops",
  "--set",
  `${set},crds.install=false,secretsAsFiles[0].name=keys,secretsAsFiles[0].mountPath=/etc/sops-age-key-file,secretsAsFiles[0].secretName=sops-age-key-file,extraEnv[0].name=SOPS_AGE_KEY_FILE,extraEnv[0].value=/etc/sops-age-key-file/key`,
];

test("the chart's rights suffice for all that the operator does, each is used, and there are no others", async () => {
  const manifests = rendered().filter(({ kind }) => /Role|ServiceAccount/.test(kind));
  for (const manifest of manifests) await apply(manifest, false);
  const recorder = await Recorder.start(kube.kubeconfigFor("op-token"));
  const operator = await Operator.start(recorder.kubeconfig, [
    "-leader-elect",
    "-leader-election-namespace",
    "ops",
  ]);
  try {
    await operator.ready();
    const namespace = await admin.namespace("rights");
    const file = (names: string[]): string =>
      sopsEncrypt(
        JSON.stringify({
          apiVersion: "isindir.github.com/v1alpha3",
          kind: "SopsSecret",
          metadata: { name: "s" },
          spec: {
            configMapTemplates: names.map((name) => ({ data: { a: "1" }, name })),
            secretTemplates: names.map((name) => ({ name, stringData: { a: "1" } })),
          },
        }),
        ...canonical,
      );
    await admin.applySops(namespace, stored(file(["a", "b"])));
    await eventually(() => admin.secret(namespace, "b"), "the child is made");
    await admin.merge(admin.secretPath(namespace, "b"), { data: { extra: "eA==" } });
    await eventually(
      async () => (await admin.secret(namespace, "b"))?.data?.["extra"] === undefined,
      "the child is put right",
    );
    const configMap = `/api/v1/namespaces/${namespace}/configmaps/b`;
    await eventually(() => admin.get(configMap), "the ConfigMap is made");
    await admin.merge(configMap, { data: { extra: "x" } });
    await eventually(
      async () => JSON.stringify((await admin.get(configMap))?.["data"]) === '{"a":"1"}',
      "the ConfigMap is put right",
    );
    await admin.applySops(namespace, stored(file(["a"])));
    await eventually(
      async () => (await admin.secret(namespace, "b")) === undefined,
      "the orphan goes",
    );
    const events = await eventually(async () => {
      const list = await admin.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
      const items = (list?.["items"] ?? []) as { reason: string }[];
      return items.some(({ reason }) => reason === "OrphanDeleted") ? items : undefined;
    }, "the events are there");
    expect(events.length).toBeGreaterThan(1);
    expect((await admin.sops(namespace, "s"))?.status?.message).toBe("Healthy");
    expect(operator.log).not.toContain("forbidden");
    expect(
      await admin.get("/apis/coordination.k8s.io/v1/namespaces/ops/leases/ca57d051.github.com"),
    ).toBeDefined();
  } finally {
    expect(await operator.stop()).toBe(0);
    recorder.stop();
  }
  const granted = manifests.flatMap(({ rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => rightOf(verb, resource, group))),
      ),
    ),
  );
  // No request shows it: the admission plugin OwnerReferencesPermissionEnforcement asks for it, where it is on.
  const unseen = "update sopssecrets.isindir.github.com/finalizers";
  expect([...new Set(granted)].toSorted()).toEqual([...recorder.used, unseen].toSorted());
  const account = kube.client("op-token");
  const forbidden = [
    ["GET", "/api/v1/namespaces/ops/pods"],
    ["GET", "/api/v1/namespaces"],
    ["GET", "/apis/coordination.k8s.io/v1/namespaces/ops/leases"],
    ["GET", "/apis/coordination.k8s.io/v1/namespaces/ops/leases/other"],
    ["DELETE", "/apis/isindir.github.com/v1alpha3/namespaces/rights/sopssecrets/s"],
    ["DELETE", "/api/v1/namespaces/rights/events/x"],
    ["PUT", "/api/v1/namespaces/rights/secrets/a"],
    ["GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"],
  ] as const;
  for (const [method, path] of forbidden)
    await expect(
      account.request({
        method,
        path,
        ...(method === "PUT" ? { body: { metadata: { name: "a" } } } : {}),
      }),
      `${method} ${path}`,
    ).rejects.toMatchObject({ status: 403 });
});

test("Prometheus gets a ServiceMonitor and alerts if the values ask for them", () => {
  const kinds = rendered(
    "metrics.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.prometheusRule.additionalLabels.release=prometheus",
  ) as (Manifest & { spec: { groups?: { rules: { alert: string; expr: string }[] }[] } })[];
  expect(kinds.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(["Service", "ServiceMonitor", "PrometheusRule"]),
  );
  const rule = kinds.find(({ kind }) => kind === "PrometheusRule");
  expect(rule?.metadata).toMatchObject({ labels: { release: "prometheus" } });
  expect(rule?.spec.groups?.[0]?.rules.length).toBeGreaterThan(4);
});

test.each([
  ["workers=0", "/workers"],
  ["securityContext.runAsUserr=1", "runAsUserr"],
  ["logging.encoder=xml", "/logging/encoder"],
  ["macPolicy=never", "/macPolicy"],
  ["secretsAsFiles[0].name=x", "mountPath"],
  ["watchNamespaces={UPPER}", "/watchNamespaces/0"],
])("the value %s is refused by its name", (set, named) => {
  const { status, stderr } = spawnSync(helm, ["template", "x", chart, "--set", set], {
    encoding: "utf8",
  });
  expect(status).not.toBe(0);
  expect(stderr).toContain(named);
});

test("README, schema and defaults of the chart are generated from its values", () => {
  for (const [name, text] of madeFiles())
    expect(readFileSync(join(chart, name), "utf8"), `node scripts/chart.ts: ${name}`).toBe(text);
});

test("the chart's version of sopsmith is that of the package", () => {
  const { version } = JSON.parse(readFileSync(join(deploy, "../package.json"), "utf8")) as {
    version: string;
  };
  expect(readFileSync(join(chart, "Chart.yaml"), "utf8")).toContain(
    `appVersion: "sopsmith-${version}"`,
  );
});

test("without ConfigMaps there is no right to them", () => {
  const rules = JSON.stringify(
    rendered("configMaps=false").filter(({ kind }) => /Role/.test(kind)),
  );
  expect(rules).toContain("secrets");
  expect(rules).not.toContain("configmaps");
});

test("a namespaced chart asks for no right in the cluster", () => {
  const manifests = rendered("namespaced=true").filter(({ kind }) => kind.startsWith("Role"));
  expect(manifests.length).toBe(4);
  expect(JSON.stringify(manifests)).not.toContain("Cluster");
});

test.each(["Dockerfile", "Dockerfile.gpg"])(
  "%s runs as a numeric user, on a base named by the builder, with nothing fetched from an address or secret in it",
  (name) => {
    const lines = readFileSync(join(deploy, name), "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    const instructions = lines.filter((line) => /^\S/.test(line)).map((line) => line.split(" ")[0]);
    const installs = name === "Dockerfile" ? [] : ["RUN"];
    expect(instructions).toEqual([
      "ARG",
      "FROM",
      "ARG",
      ...installs,
      "COPY",
      "COPY",
      "USER",
      "ENTRYPOINT",
    ]);
    expect(lines).toContain("USER 65532:65532");
    expect(lines).toContain("ARG BASE");
    expect(lines.at(-1)).toBe('ENTRYPOINT ["/usr/local/bin/sopsmith", "operator"]');
    expect(lines.join("\n")).not.toMatch(/https?:|KEY=|TOKEN|PASSWORD/);
  },
);

test("the values keep the names of the former chart", () => {
  const values = parse(readFileSync(join(chart, "values.yaml"), "utf8")) as Record<string, unknown>;
  const former =
    "replicaCount namespaced image initImage imagePullSecrets nameOverride fullnameOverride namespaceOverride podAnnotations podLabels serviceAccount requeueAfter defaultEnforceOwnership kubeconfig logging healthProbes gpg gcp azure extraEnv secretsAsEnvVars secretsAsFiles resources nodeSelector securityContext tolerations affinity rbac metrics";
  for (const name of former.split(" ")) expect(values).toHaveProperty(name);
});
