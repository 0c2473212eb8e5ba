import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { kustomize } from "../../scripts/kube-setup.ts";
import { counterpart } from "../counterparts.ts";
import { alice } from "../keys/fake-host.ts";
import { Sandbox } from "../cli/sandbox.ts";

/** Real kustomize with `sopsmith krm` in the place of KSOPS, on files that real sops encrypted. */

const boxes: Sandbox[] = [];
afterAll(() => boxes.forEach((box) => box.remove()));

const selection = ["--encrypted-regex", "^(data|stringData)$"];

function repository(plain: Record<string, string>, sealed: Record<string, string>): Sandbox {
  const box = new Sandbox({}, { SOPS_AGE_KEY: alice.identity });
  boxes.push(box);
  for (const [name, text] of Object.entries({ ...plain, ...sealed })) {
    mkdirSync(dirname(box.path(name)), { recursive: true });
    writeFileSync(box.path(name), text);
  }
  for (const name of Object.keys(sealed)) {
    const more = name.endsWith(".yaml") ? selection : [];
    execFileSync(
      counterpart("sops"),
      ["encrypt", "-i", "--age", alice.recipient, ...more, box.path(name)],
      { stdio: "pipe" },
    );
  }
  // What a user does to migrate: one link, found through PATH.
  mkdirSync(box.path("bin"));
  chmodSync(Sandbox.program, 0o755);
  symlinkSync(Sandbox.program, box.path("bin/ksops"));
  return box;
}

function build(
  box: Sandbox,
  folder: string,
  { env = {}, more = ["--enable-exec"] }: { env?: Record<string, string>; more?: string[] } = {},
) {
  const PATH = [box.path("bin"), dirname(process.execPath), process.env["PATH"]].join(":");
  const { status, stdout, stderr } = spawnSync(
    kustomize,
    ["build", "--enable-alpha-plugins", ...more, folder],
    { cwd: box.dir, env: { ...box.env, PATH, ...env }, encoding: "utf8" },
  );
  return { status, stderr, items: parseAllDocuments(stdout).map((one) => one.toJS() as unknown) };
}

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: mysecret
type: Opaque
stringData:
  username: admin
  password: hunter2
`;
const exec = { "config.kubernetes.io/function": "exec:\n  path: ksops\n" };
const ksops = (rest: object, annotations: object = exec) =>
  stringify({
    apiVersion: "viaduct.ai/v1",
    kind: "ksops",
    metadata: { name: "g", annotations },
    ...rest,
  });
const opaque = (metadata: object, rest: object) => ({
  apiVersion: "v1",
  kind: "Secret",
  type: "Opaque",
  metadata,
  ...rest,
});
const stringData = { username: "admin", password: "hunter2" };

describe("as a generator", () => {
  test("gives kustomize the resources in encrypted files, which kustomize then changes as usual", () => {
    const box = repository(
      {
        "app/kustomization.yaml": "generators: [g.yaml]\nnamespace: shop\nnamePrefix: p-\n",
        "app/g.yaml": ksops({ files: ["./s.enc.yaml"] }),
      },
      { "app/s.enc.yaml": secret },
    );
    expect(build(box, "app")).toEqual({
      status: 0,
      stderr: "",
      items: [opaque({ name: "p-mysecret", namespace: "shop" }, { stringData })],
    });
  });

  test("makes Secrets from files and variables; names get a hash if the resource asks for it", () => {
    const annotations = { "kustomize.config.k8s.io/needs-hash": "true" };
    const box = repository(
      {
        "kustomization.yaml": "generators: [g.yaml]\n",
        "g.yaml": ksops({
          secretFrom: [
            {
              metadata: { name: "s", annotations },
              type: "Opaque",
              files: ["secret.yaml=c.enc.yaml"],
              envs: ["v.enc.env"],
            },
          ],
        }),
      },
      { "c.enc.yaml": "data:\n    a: b\n", "v.enc.env": "username=admin\n" },
    );
    const { status, items } = build(box, ".");
    expect([status, items]).toEqual([
      0,
      [
        opaque(
          { name: expect.stringMatching(/^s-[0-9a-z]{10}$/) as string },
          { stringData: { "secret.yaml": "data:\n    a: b\n", username: "admin" } },
        ),
      ],
    ]);
  });

  test("merges into a Secret of the base", () => {
    // kustomize merges data, and replaces stringData.
    const inData = secret
      .replace("stringData:", "data:")
      .replace("admin", "YWRtaW4=")
      .replace("hunter2", "aHVudGVyMg==");
    const overlay = inData
      .replace(
        "name: mysecret",
        "name: base\n  annotations:\n    kustomize.config.k8s.io/behavior: merge",
      )
      .replace("  username: YWRtaW4=\n", "");
    const box = repository(
      {
        "base/kustomization.yaml": "resources: [s.yaml]\n",
        "base/s.yaml": inData.replace("mysecret", "base"),
        "over/kustomization.yaml": "resources: [../base]\ngenerators: [g.yaml]\n",
        "over/g.yaml": ksops({ files: ["s.enc.yaml"] }),
      },
      { "over/s.enc.yaml": overlay.replace("aHVudGVyMg==", "b3RoZXI=") },
    );
    const { stderr, items } = build(box, "over");
    expect([stderr, items]).toEqual([
      "",
      [opaque({ name: "base" }, { data: { username: "YWRtaW4=", password: "b3RoZXI=" } })],
    ]);
  });

  test("also works as an old exec plugin, by its place in the plugin folder", () => {
    const box = repository(
      {
        "kustomization.yaml": "generators: [g.yaml]\n",
        "g.yaml": ksops({ files: ["s.enc.yaml"] }, {}),
      },
      { "s.enc.yaml": secret },
    );
    const folder = box.path("config/kustomize/plugin/viaduct.ai/v1/ksops");
    mkdirSync(folder, { recursive: true });
    symlinkSync(Sandbox.program, join(folder, "ksops"));
    const env = { XDG_CONFIG_HOME: box.path("config"), TMPDIR: box.dir };
    expect(build(box, ".", { env, more: [] })).toEqual({
      status: 0,
      stderr: "",
      items: [opaque({ name: "mysecret" }, { stringData })],
    });
  });

  test("ends kustomize with one line that names the file and the reason", () => {
    const box = repository(
      {
        "kustomization.yaml": "generators: [g.yaml]\n",
        "g.yaml": ksops({ files: ["s.enc.yaml"] }),
      },
      { "s.enc.yaml": secret },
    );
    const { status, stderr, items } = build(box, ".", { env: { SOPS_AGE_KEY: "" } });
    expect([status, items]).toEqual([1, []]);
    const [line = "", ...rest] = stderr.trimEnd().split("\n");
    expect(line).toMatch(/^s\.enc\.yaml: /);
    expect(line).toContain(alice.recipient);
    expect(rest).toEqual(["Error: couldn't execute function: exit status 1"]);
  });
});

test("as a transformer, decrypts the resources of sops and leaves the others alone", () => {
  const config = stringify({
    apiVersion: "sopsmith.dev/v1",
    kind: "Decrypt",
    metadata: { name: "t", annotations: exec },
  });
  const map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {on: 'yes'}\n";
  const box = repository(
    {
      "kustomization.yaml":
        "resources: [s.enc.yaml, c.yaml]\ntransformers: [t.yaml]\nnamespace: shop\n",
      "t.yaml": config,
      "c.yaml": map,
    },
    { "s.enc.yaml": secret },
  );
  expect(build(box, ".")).toEqual({
    status: 0,
    stderr: "",
    items: expect.arrayContaining([
      opaque({ name: "mysecret", namespace: "shop" }, { stringData }),
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "c", namespace: "shop" },
        data: { on: "yes" },
      },
    ]) as unknown[],
  });
});

describe("as a transformer after kustomize's own", () => {
  const decrypt = stringify({
    apiVersion: "sopsmith.dev/v1",
    kind: "Decrypt",
    metadata: { name: "t", annotations: exec },
  });
  const own = `apiVersion: v1
kind: Secret
metadata:
    name: one
    labels: {app: shop}
    annotations: {why: because}
stringData:
    b: "2"
    a: "1"
`;
  const two = `${own.replace("name: one", "namespace: old\n    name: one")}---
apiVersion: v1
kind: ConfigMap
metadata:
    name: two
data:
    k: v
`;
  const added = `namespace: shop
namePrefix: pre-
nameSuffix: -suf
labels: [{pairs: {team: a}}]
commonAnnotations: {note: new}
`;
  const labels = { app: "shop", team: "a" };
  const annotations = { why: "because", note: "new" };
  const one = (name: string, namespace: string) => ({
    kind: "Secret",
    apiVersion: "v1",
    metadata: { name, namespace, labels, annotations },
    stringData: { b: "2", a: "1" },
  });

  test.each([
    ["one resource", own],
    ["two documents, of which one was in another namespace", two],
  ])("finds the MAC of %s that got names, a namespace, labels and annotations", (_, text) => {
    const box = repository(
      {
        "kustomization.yaml": `resources: [s.enc.yaml]\ntransformers: [t.yaml]\n${added}`,
        "t.yaml": decrypt,
      },
      { "s.enc.yaml": text },
    );
    const { status, stderr, items } = build(box, ".");
    expect([status, stderr]).toEqual([0, ""]);
    expect(items).toContainEqual(one("pre-one-suf", "shop"));
    if (text === two)
      expect(items).toContainEqual({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: {
          name: "pre-two-suf",
          namespace: "shop",
          labels: { team: "a" },
          annotations: { note: "new" },
        },
        data: { k: "v" },
      });
  });

  test("refuses a file of which a document is missing, and names what is left of it", () => {
    const box = repository(
      {
        "kustomization.yaml": `resources: [s.enc.yaml]
transformers: [t.yaml]
patches:
  - patch: "{apiVersion: v1, kind: Secret, metadata: {name: one, namespace: old}, $patch: delete}"
`,
        "t.yaml": decrypt,
      },
      { "s.enc.yaml": two },
    );
    const { status, stderr, items } = build(box, ".");
    expect([status, items]).toEqual([1, []]);
    expect(stderr).toMatch(/^ConfigMap two: MAC mismatch: /);
  });
});
