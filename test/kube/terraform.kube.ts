import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { helm } from "../../scripts/kube-setup.ts";
import { counterpart } from "../counterparts.ts";
import { Sandbox } from "../cli/sandbox.ts";
import { canonical, shop, sopsEncrypt } from "../operator/objects.ts";
import { Kube } from "./harness.ts";

/**
 * What real Terraform reads in our output goes to a real API server as the kubernetes provider sends it: by server-side apply, as the
 * manager `Terraform`. Applied again it must change nothing: then a second plan is empty.
 */

let kube: Kube;
const box = new Sandbox();
beforeAll(async () => {
  kube = await Kube.start();
  await kube.client().installCrd();
  await kube.client().namespace("tf");
});
afterAll(async () => {
  box.remove();
  await kube?.stop();
});

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; resourceVersion?: string };
  [field: string]: unknown;
}

const texts = [
  "plain",
  "a\nb\n",
  " a\n  b\n\n",
  "100%{http_code} ${HOME} $${x}",
  'tab\tquote" back\\slash\r\n',
  "é😀 — ok",
  '{"j": "\\/"}\n',
  "EOT\nEOT_\n",
  '#!/bin/sh\nset -eu\n\nexec "$@"\n',
  "yes",
];

const meta = (name: string) => ({ metadata: { name, labels: { app: name } } });
const pod = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: {
    securityContext: { runAsNonRoot: true },
    containers: [
      {
        name: "c",
        image: "registry.example/c:1",
        args: ["--flag=%{x}", "${HOME}"],
        env: [
          { name: "A", value: "on" },
          { name: "B", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
        ],
        ports: [{ containerPort: 8080, protocol: "TCP" }],
        resources: { limits: { memory: "64Mi" } },
        volumeMounts: [{ name: "v", mountPath: "/v" }],
      },
    ],
    volumes: [{ name: "v", emptyDir: {} }],
  },
});
const apps = (kind: string, name: string, more: object) => ({
  apiVersion: "apps/v1",
  kind,
  ...meta(name),
  spec: { selector: { matchLabels: { app: name } }, template: pod(name), ...more },
});

/** Manifests of many kinds, with and without a namespace. */
function manifests(): object[] {
  const each = (make: (text: string, name: string) => object[]) =>
    texts.flatMap((text, index) => make(text, `t${index}`));
  return [
    ...each((text, name) => [
      { apiVersion: "v1", kind: "ConfigMap", ...meta(name), data: { text, "a.b": text } },
      {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name, annotations: { "example.com/note": text } },
      },
      apps("Deployment", name, { replicas: 1, revisionHistoryLimit: 2 }),
      {
        apiVersion: "v1",
        kind: "Service",
        ...meta(name),
        spec: {
          selector: { app: name },
          ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }],
        },
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name, annotations: { "example.com/note": text } },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        ...meta(name),
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
        subjects: [{ kind: "ServiceAccount", name, namespace: "tf" }],
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        ...meta(name),
        spec: { podSelector: {}, policyTypes: ["Ingress"] },
      },
      {
        apiVersion: "batch/v1",
        kind: "CronJob",
        ...meta(name),
        spec: {
          schedule: "*/5 * * * *",
          jobTemplate: {
            spec: { template: { spec: { ...pod(name).spec, restartPolicy: "Never" } } },
          },
        },
      },
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        ...meta(name),
        spec: { minAvailable: "50%", selector: { matchLabels: { app: name } } },
      },
    ]),
    apps("StatefulSet", "s", { serviceName: "s", replicas: 1 }),
    apps("DaemonSet", "d", {}),
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } },
    {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: "p" },
      value: 1000,
    },
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "sc" },
      provisioner: "example.com/none",
      parameters: { type: "on" },
    },
    {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      ...meta("h"),
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "t0" },
      },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      ...meta("i"),
      spec: {
        rules: [
          {
            host: "a.example",
            http: {
              paths: [
                {
                  path: "/",
                  pathType: "Prefix",
                  backend: { service: { name: "t0", port: { number: 80 } } },
                },
              ],
            },
          },
        ],
      },
    },
  ];
}

const sopsmith = (...args: string[]): string =>
  execFileSync(process.execPath, [Sandbox.program, ...args], {
    cwd: box.dir,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });

const kubectl = (input: readonly object[], ...args: string[]): string =>
  execFileSync("kubectl", args, {
    env: { ...process.env, KUBECONFIG: kube.kubeconfig },
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items: input }),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });

/** What Terraform reads, and the text of its state. */
function readByTerraform(maps: string): { manifests: Manifest[]; state: string } {
  // Maps are apart by an empty line between braces in the first column.
  const list = maps.replaceAll(/^\}\n\n\{/gm, "},\n{");
  writeFileSync(box.path("main.tf"), `output "m" {\n  value = jsonencode([\n${list}\n])\n}\n`);
  const run = (...args: string[]) =>
    execFileSync(counterpart("terraform"), args, { cwd: box.dir, encoding: "utf8" });
  run("apply", "-auto-approve", "-input=false", "-no-color");
  return {
    manifests: JSON.parse(JSON.parse(run("output", "-json", "m")) as string) as Manifest[],
    state: readFileSync(box.path("terraform.tfstate"), "utf8"),
  };
}

const apply = (items: readonly Manifest[]): Manifest[] => {
  kubectl(items, "apply", "--server-side", "--field-manager=Terraform", "-f", "-");
  const { items: found } = JSON.parse(kubectl(items, "get", "-f", "-", "-o", "json")) as {
    items: Manifest[];
  };
  return found;
};
/** Without namespaces, which a controller changes a moment later. */
const versions = (items: readonly Manifest[]) =>
  items
    .filter(({ kind }) => kind !== "Namespace")
    .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);

test("what Terraform reads applies, is stored as it was written, and changes nothing the second time", () => {
  const sources = manifests();
  const chart = execFileSync(
    helm,
    [
      "template",
      "sops",
      join(import.meta.dirname, "../../deploy/chart"),
      "--namespace",
      "tf",
      "--set",
      "crds.install=false",
    ],
    { encoding: "utf8" },
  );
  box.write(
    "m.yaml",
    [...sources.map((one) => stringify(one, { version: "1.1" })), chart].join("---\n"),
  );
  const maps = sopsmith("terraform", "--map-only", "--namespace", "tf", "m.yaml");
  const { manifests: read } = readByTerraform(maps);
  expect(read.length).toBeGreaterThanOrEqual(100);
  // Kinds without a namespace got none, all others have one.
  const isPlaced = ({ metadata }: Manifest) => metadata.namespace !== undefined;
  const scopes = new Map(read.map((one) => [one.kind, isPlaced(one)]));
  expect(Object.fromEntries(scopes)).toMatchObject({
    ClusterRole: false,
    Namespace: false,
    PriorityClass: false,
    StorageClass: false,
    ConfigMap: true,
    Deployment: true,
  });
  const first = apply(read);
  // The provider plans a change for each field that the server stores otherwise.
  for (const [index, stored] of first.entries())
    expect(stored).toMatchObject(read[index] as object);
  expect(versions(apply(read))).toEqual(versions(first));
});

test("the ids of import blocks name what is in the cluster", () => {
  const hcl = sopsmith("terraform", "--import", "--namespace", "tf", "m.yaml");
  const ids = [...hcl.matchAll(/^ {2}id = "(.*)"$/gm)].map(([, id = ""]) => id);
  expect(ids.length).toBeGreaterThanOrEqual(100);
  const items = ids.map((id) => {
    const {
      apiVersion = "",
      kind = "",
      ...metadata
    } = Object.fromEntries(id.split(",").map((part) => part.split("=", 2) as [string, string]));
    return { apiVersion, kind, metadata };
  });
  const { items: found } = JSON.parse(kubectl(items, "get", "-f", "-", "-o", "json")) as {
    items: Manifest[];
  };
  expect(found.map(({ kind }) => kind)).toEqual(items.map(({ kind }) => kind));
});

test("a SopsSecret stays encrypted: no plain text in the configuration, nor in the state, and the cluster has the file's values", () => {
  box.write("s.yaml", sopsEncrypt(shop, ...canonical));
  const maps = sopsmith("terraform", "--map-only", "--namespace", "tf", "s.yaml");
  const { manifests: read, state } = readByTerraform(maps);
  const [source] = parseAllDocuments(box.read("s.yaml")).map((one) => one.toJS() as Manifest);
  expect(maps).toContain("ENC[AES256_GCM,");
  for (const secret of JSON.stringify(shop).matchAll(/s3cret[\w-]*/g)) {
    expect(maps).not.toContain(secret[0]);
    expect(state).not.toContain(secret[0]);
  }
  const stored = apply(
    read.map((one) => ({ ...one, metadata: { ...one.metadata, namespace: "tf" } })),
  );
  expect(stored[0]).toMatchObject({ spec: source?.["spec"], sops: source?.["sops"] });
});
