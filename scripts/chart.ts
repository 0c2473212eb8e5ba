// What is made from the chart's values: its README, the schema of the values, and the defaults that its templates fill in.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, parseDocument, stringify, type YAMLMap } from "yaml";

const chart = join(import.meta.dirname, "../deploy/chart");

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Schema = { [name: string]: Json };

/** One value of the chart: a leaf, or a map that users fill as they like. */
interface Value {
  readonly path: readonly string[];
  readonly fallback: Json;
  readonly about: string;
}

/** Maps whose keys are Kubernetes's or the user's. */
const free = new Set([
  "resources",
  "healthProbes.liveness",
  "healthProbes.readiness",
  "securityContext.container.capabilities",
  "metrics.dashboard.labels",
]);

/** Left out of the defaults that are filled in: who sets them to null wants none. */
const mayBeAbsent = new Set([
  "resources",
  "securityContext.runAsUser",
  "securityContext.runAsGroup",
  "securityContext.fsGroup",
]);

const names = (...fields: readonly string[]): Schema => ({
  type: "array",
  items: {
    type: "object",
    required: [...fields],
    properties: Object.fromEntries(
      fields.map((field) => [field, { type: "string", minLength: 1 }] as const),
    ),
    additionalProperties: false,
  },
});
const whole = (minimum: number, maximum?: number): Schema => ({
  type: "integer",
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
});
const texts: Schema = { type: "array", items: { type: "string" } };
const textMap: Schema = { type: "object", additionalProperties: { type: ["string", "null"] } };
const port = whole(1, 65_535);
const pullPolicy: Schema = { enum: ["Always", "IfNotPresent", "Never"] };
const id: Schema = { type: ["integer", "null"], minimum: 0 };

/** What the type of the default does not say. Numbers of the former chart below a limit are clamped by the operator, not refused here. */
const special: Readonly<Record<string, Schema>> = {
  replicaCount: whole(0),
  requeueAfter: whole(0),
  workers: whole(1),
  resyncInterval: whole(0),
  relistInterval: whole(1),
  macPolicy: { enum: ["report", "require", "off"] },
  watchNamespaces: {
    type: "array",
    uniqueItems: true,
    items: { type: "string", pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength: 63 },
  },
  "image.pullPolicy": pullPolicy,
  "initImage.pullPolicy": pullPolicy,
  "image.repository": { type: "string", minLength: 1 },
  "initImage.repository": { type: "string", minLength: 1 },
  "image.tag": { type: ["string", "number"] },
  "initImage.tag": { type: ["string", "number"] },
  "kubeconfig.path": { type: ["string", "null"] },
  "logging.level": { type: ["string", "integer"] },
  "logging.encoder": { enum: ["json", "console"] },
  "healthProbes.port": port,
  "securityContext.runAsUser": id,
  "securityContext.runAsGroup": id,
  "securityContext.fsGroup": id,
  "securityContext.seccompProfileType": { enum: ["RuntimeDefault", "Localhost", "Unconfined"] },
  "metrics.serviceMonitor.scheme": { enum: ["http", "https"] },
  "networkPolicy.egress.apiServerPorts": { type: "array", items: port, minItems: 1 },
  "networkPolicy.egress.apiServerCidrs": texts,
  extraArgs: texts,
  secretsAsEnvVars: names("name", "secretName", "secretKey"),
  secretsAsFiles: names("name", "mountPath", "secretName"),
  extraEnv: {
    type: "array",
    items: {
      type: "object",
      required: ["name"],
      properties: {
        name: { type: "string", minLength: 1 },
        value: { type: ["string", "number", "boolean"] },
        valueFrom: { type: "object" },
      },
      additionalProperties: false,
    },
  },
  podAnnotations: textMap,
  podLabels: textMap,
  nodeSelector: textMap,
  "serviceAccount.annotations": textMap,
  "metrics.additionalLabels": textMap,
  "metrics.dashboard.labels": textMap,
  "metrics.prometheusRule.additionalLabels": textMap,
};

/** All values in the order of the file, with the comments above them. */
export function valuesOf(text: string): Value[] {
  const root = parseDocument(text).contents;
  if (!isMap(root)) throw new Error("values.yaml holds no map");
  const values: Value[] = [];
  const visit = (map: YAMLMap, at: readonly string[]): void => {
    map.items.forEach((pair, index) => {
      if (!isScalar(pair.key)) return;
      const path = [...at, String(pair.key.value)];
      // The comment above the first key belongs to the map; at the top that is the file's own.
      const first = index === 0 && at.length > 0 ? map.commentBefore : undefined;
      // Above an empty line it is about more than this value.
      const lines = (pair.key.commentBefore ?? first ?? "").split("\n").map((line) => line.trim());
      const about = lines.slice(lines.lastIndexOf("") + 1).join(" ");
      const { value } = pair;
      if (isMap(value) && value.items.length > 0 && !free.has(path.join("."))) visit(value, path);
      else values.push({ path, about, fallback: (value as { toJSON(): Json }).toJSON() });
    });
  };
  visit(root, []);
  return values;
}

function schemaOf({ path, fallback, about }: Value): Schema {
  const own = special[path.join(".")];
  const described = about === "" ? {} : { description: about };
  if (own !== undefined) return { ...described, ...own };
  if (Array.isArray(fallback)) return { ...described, type: "array" };
  if (typeof fallback === "object") return { ...described, type: "object" };
  return { ...described, type: typeof fallback };
}

/** A tree of all values, each made by `leaf`; `map` finishes each inner map. */
function treeOf(
  values: readonly Value[],
  leaf: (value: Value) => Json,
  map: (fields: Schema) => Schema,
  depth = 0,
): Schema {
  const fields: Schema = {};
  for (const name of new Set(values.map(({ path }) => path[depth] ?? ""))) {
    const below = values.filter(({ path }) => path[depth] === name);
    const [only] = below;
    fields[name] =
      below.length === 1 && only !== undefined && only.path.length === depth + 1
        ? leaf(only)
        : map(treeOf(below, leaf, map, depth + 1));
  }
  return fields;
}

/**
 * The JSON schema of the values. At the top unknown names are let through, and told in the notes: other charts' values may come along.
 * Below, they are refused by name.
 */
export function schemaText(values: readonly Value[]): string {
  const properties = treeOf(values, schemaOf, (fields) => ({
    type: "object",
    properties: fields,
    additionalProperties: false,
  }));
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart sops-secrets-operator of sopsmith",
    type: "object",
    properties,
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

/** What the templates fill in where a value is absent or null. */
export function defaultsText(values: readonly Value[]): string {
  const filled = values.filter(({ path }) => !mayBeAbsent.has(path.join(".")));
  const tree = treeOf(
    filled,
    ({ fallback }) => fallback,
    (fields) => fields,
  );
  return stringify({ ...tree, resources: {} });
}

export function readmeText(values: readonly Value[], version: string): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = values.map(
    ({ path, fallback, about }) =>
      `| \`${path.join(".")}\` | \`${cell(JSON.stringify(fallback))}\` | ${cell(about)} |`,
  );
  return `<!-- Generated from values.yaml by \`node scripts/chart.ts\`. -->

# sops-secrets-operator, chart ${version}

Installs the operator of sopsmith, which turns SopsSecrets into ordinary Secrets. It accepts the values of chart 0.28.0 of isindir/sops-secrets-operator, and upgrades releases of that chart in place.

\`\`\`sh
helm upgrade --install sops deploy/chart --namespace sops --create-namespace \\
  --set 'secretsAsFiles[0].name=keys,secretsAsFiles[0].mountPath=/etc/sops-age-key-file,secretsAsFiles[0].secretName=sops-age-key-file' \\
  --set 'extraEnv[0].name=SOPS_AGE_KEY_FILE,extraEnv[0].value=/etc/sops-age-key-file/key'
\`\`\`

## Upgrade from the sops-secrets-operator chart

Keep the release's name and run \`helm upgrade\`, with your values file or with \`--reuse-values\`.

- The Deployment, the ServiceAccount and the roles keep their names. Both operators use the same lease, so they are never active at the same time.
- The existing CustomResourceDefinition stays as it is, because Helm does not own it. Update it with \`sopsmith k8s crd | kubectl apply --server-side --force-conflicts -f -\`, or let Helm take it over once: \`helm upgrade --take-ownership --set crds.adopt=true\` (Helm 3.17 or newer).
- An \`image.repository\` that ends in \`isindir/sops-secrets-operator\` is replaced by \`sopsmith\`, because the former image does not accept this chart's arguments. Set \`image.repository\` and \`image.tag\` to your image.
- This chart turns on security contexts by default. Reused values keep the setting that they had.
- \`serviceAccount.enabled=false\` needs \`serviceAccount.name\`. With \`rbac.enabled=false\`, the service account must exist too, as in the former chart.

The notes after the installation list unknown values at the top level; unknown values at lower levels are refused.

## Values

| value | default | what it does |
| --- | --- | --- |
${rows.join("\n")}
`;
}

/** Every file that is made, by its name in the chart. */
export function madeFiles(): Map<string, string> {
  const values = valuesOf(readFileSync(join(chart, "values.yaml"), "utf8"));
  const version =
    /^version: (\S+)$/m.exec(readFileSync(join(chart, "Chart.yaml"), "utf8"))?.[1] ?? "";
  return new Map([
    ["README.md", readmeText(values, version)],
    ["values.schema.json", schemaText(values)],
    ["files/defaults.yaml", defaultsText(values)],
  ]);
}

if (import.meta.main)
  for (const [name, text] of madeFiles()) writeFileSync(join(chart, name), text);
