import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { helm } from "../../scripts/kube-setup.ts";
import { counterpart } from "../counterparts.ts";
import { alice, bob } from "../keys/fake-host.ts";
import { canonical, sopsEncrypt, stored, templatesOnly } from "../operator/objects.ts";
import { eventually, Kube, Operator, type Client } from "./harness.ts";

const chart = join(import.meta.dirname, "../../deploy/chart");
const account = "system:serviceaccount:ops:sops-sops-secrets-operator";
const dir = mkdtempSync(join(tmpdir(), "sopsmith-honest-"));
let kube: Kube;
let admin: Client;

beforeAll(async () => {
  kube = await Kube.start(`op-token,${account},u1,"system:serviceaccounts"`);
  admin = kube.client();
  await admin.installCrd();
  await admin.namespace("ops");
});
afterAll(async () => {
  await kube?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const plain = (name: string): string =>
  `apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nmetadata:\n  name: ${name}\nspec:\n  secretTemplates:\n    - name: ${name}\n      stringData:\n        a: one\n`;
const sealed = (name: string, ...args: string[]) =>
  stored(sopsEncrypt(plain(name), ...(args.length === 0 ? canonical : args)));

const says = (namespace: string, name: string, wanted: string, seconds = 30): Promise<unknown> =>
  eventually(
    async () => (await admin.sops(namespace, name))?.status?.message === wanted,
    `${namespace}/${name} says ${wanted}`,
    seconds,
  );
const mac = async (namespace: string, name: string): Promise<string | undefined> =>
  (await admin.sops(namespace, name))?.status?.conditions?.find(
    ({ type }) => type === "MacVerified",
  )?.reason;

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/** Makes the roles and bindings of the chart. */
async function grant(...sets: readonly string[]): Promise<void> {
  const args = sets.flatMap((set) => ["--set", set]);
  const text = execFileSync(
    helm,
    ["template", "sops", chart, "--namespace", "ops", "--set", "crds.install=false", ...args],
    { encoding: "utf8" },
  );
  for (const document of parseAllDocuments(text)) {
    const manifest = document.toJSON() as Manifest | null;
    if (manifest === null || !/Role/.test(manifest.kind)) continue;
    const { apiVersion, kind, metadata } = manifest;
    const at = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
    await admin.apply(manifest, `/apis/${apiVersion}${at}/${kind.toLowerCase()}s/${metadata.name}`);
  }
}

const probe = async (operator: Operator): Promise<string> =>
  (await fetch(`http://127.0.0.1:${operator.healthPort}/readyz`)).text();

test("without a right to the lease the log, the probe and the metric say so; with it the operator goes on", async () => {
  const operator = await Operator.start(kube.kubeconfigFor("op-token"), [
    "-leader-elect",
    "-leader-election-namespace",
    "ops",
    "-watch-namespace",
    "ops",
    // The former operator takes it for a minute.
    "-requeue-decrypt-after=0",
  ]);
  try {
    await eventually(
      () =>
        Promise.resolve(
          operator.log.includes("waiting for lease ops/ca57d051.github.com: forbidden"),
        ),
      "the log says it",
    );
    expect(await operator.probe("/readyz")).toBe(503);
    expect(await probe(operator)).toMatch(
      /^waiting for lease ops\/ca57d051\.github\.com: forbidden/,
    );
    expect((await operator.metrics()).get('sopsmith_lease{state="refused"}')).toBe(1);
    await delay(5000);
    expect(operator.log.split("waiting for lease").length).toBe(2);
    await grant("watchNamespaces={ops}");
    await operator.ready();
    expect(operator.log).toContain("holding lease ops/ca57d051.github.com");
  } finally {
    expect(await operator.stop()).toBe(0);
  }
});

test("two dozen namespaces work with the chart's own roles; one without them is named and does not block the others", async () => {
  const namespaces = Array.from({ length: 24 }, (_, i) => `many${i}`);
  for (const namespace of [...namespaces, "barred"]) await admin.namespace(namespace);
  await grant(`watchNamespaces={${namespaces.join(",")},ops}`);
  const operator = await Operator.start(kube.kubeconfigFor("op-token"), [
    "-watch-namespace",
    `barred,${namespaces.join(",")}`,
  ]);
  try {
    await operator.ready();
    await admin.applySops("many23", sealed("s"));
    await says("many23", "s", "Healthy");
    expect(operator.log).toMatch(/"the watch failed","kind":"SopsSecret","namespace":"barred"/);
    const metrics = await operator.metrics();
    expect(metrics.get('sopsmith_watch_up{kind="SopsSecret",namespace="barred"}')).toBe(0);
    expect(metrics.get('sopsmith_watch_up{kind="Secret",namespace="many23"}')).toBe(1);
    await grant("watchNamespaces={barred}");
    await admin.applySops("barred", sealed("s"));
    await says("barred", "s", "Healthy", 60);
  } finally {
    expect(await operator.stop()).toBe(0);
  }
});

test("suspend and enforceOwnership that kubectl patches in leave the MAC of a whole file verified", async () => {
  const namespace = await admin.namespace("switches");
  const operator = await Operator.start(kube.kubeconfig, ["-watch-namespace", namespace]);
  try {
    await operator.ready();
    const file = join(dir, "su.yaml");
    writeFileSync(file, sopsEncrypt(plain("su"), ...templatesOnly));
    const kubectl = (...args: string[]): string =>
      execFileSync("kubectl", ["--kubeconfig", kube.kubeconfig, "-n", namespace, ...args], {
        encoding: "utf8",
      });
    kubectl("apply", "-f", file);
    await says(namespace, "su", "Healthy");
    const patch = (spec: object): string =>
      kubectl("patch", "sops", "su", "--type", "merge", "-p", JSON.stringify({ spec }));
    patch({ suspend: true });
    await says(namespace, "su", "Reconciliation is suspended");
    patch({ suspend: false, enforceOwnership: true });
    await says(namespace, "su", "Healthy");
    expect(await mac(namespace, "su")).toBe("Verified");
    await admin.applySops(namespace, sealed("applied", ...templatesOnly));
    await says(namespace, "applied", "Healthy");
    await admin.merge(admin.sopsPath(namespace, "applied"), { spec: { enforceOwnership: false } });
    await delay(1000);
    await says(namespace, "applied", "Healthy");
    expect(await mac(namespace, "applied")).toBe("Verified");
  } finally {
    await operator.stop();
  }
});

test("an object that is not encrypted says so, and one for another key says where keys come from", async () => {
  const namespace = await admin.namespace("clear");
  const operator = await Operator.start(kube.kubeconfig, ["-watch-namespace", namespace]);
  const ready = async (name: string): Promise<string | undefined> =>
    (await admin.sops(namespace, name))?.status?.conditions?.find(({ type }) => type === "Ready")
      ?.message;
  try {
    await operator.ready();
    await admin.applySops(namespace, stored(plain("open")));
    await says(namespace, "open", "Decryption error");
    expect(await ready("open")).toMatch(/^the object is not encrypted: it has no sops block/);
    await admin.applySops(namespace, sealed("other", ...canonical, "--age", bob.recipient));
    await says(namespace, "other", "Decryption error");
    expect(await ready("other")).toMatch(
      /^the operator has no key for age1hfs\w+; it looked in its variable SOPS_AGE_KEY; mount the Secret with the key \(secretsAsFiles in the chart's values\)/,
    );
  } finally {
    await operator.stop();
  }
});

test("a tenant's labelled Secret opens its namespace's objects and no other's", async () => {
  const namespaces = [await admin.namespace("tenant"), await admin.namespace("neighbour")];
  const operator = await Operator.start(kube.kubeconfig, [
    "-watch-namespace",
    namespaces.join(","),
    "-key-secret-selector",
    "sopsmith.dev/keys=true",
  ]);
  try {
    await operator.ready();
    for (const namespace of namespaces) {
      await admin.applySops(namespace, sealed("s", ...canonical, "--age", bob.recipient));
      await says(namespace, "s", "Decryption error");
    }
    await admin.request({
      method: "POST",
      path: admin.secretPath("tenant"),
      body: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "keys", labels: { "sopsmith.dev/keys": "true" } },
        stringData: { "keys.txt": `# made for tests\n${bob.identity}\n` },
      },
    });
    await says("tenant", "s", "Healthy");
    await admin.merge(admin.sopsPath("neighbour", "s"), { metadata: { labels: { a: "b" } } });
    await delay(1500);
    expect((await admin.sops("neighbour", "s"))?.status?.message).toBe("Decryption error");
  } finally {
    await operator.stop();
  }
});

test("a login to Vault that is refused is told in the condition, with the role and without the token", async () => {
  const namespace = await admin.namespace("vault");
  const logins: string[] = [];
  const server = createServer((request, response) => {
    logins.push(request.url ?? "");
    response.writeHead(403).end('{"errors":["permission denied"]}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tokenFile = join(dir, "account-token");
  writeFileSync(tokenFile, "eyJhbGciOiJub25l.account.token");
  const operator = await Operator.start(
    kube.kubeconfig,
    [
      "-watch-namespace",
      namespace,
      "-vault-kubernetes-role",
      "shop",
      "-vault-kubernetes-token-file",
      tokenFile,
    ],
    { VAULT_ADDR: address, VAULT_MAX_RETRIES: "0" },
  );
  try {
    await operator.ready();
    const object = sealed("s");
    const key = {
      vault_address: address,
      engine_path: "transit",
      key_name: "k",
      created_at: "2026-11-28T12:00:00Z",
      enc: "vault:v1:AAAA",
    };
    object.sops = { ...(object.sops as object), age: [], hc_vault: [key] };
    await admin.applySops(namespace, object);
    await says(namespace, "s", "Decryption error");
    const status = JSON.stringify((await admin.sops(namespace, "s"))?.status);
    expect(status).toContain(
      "the login to Vault with the role shop failed: Vault answered 403: permission denied; check that the role shop of auth/kubernetes/login is bound to the operator's service account and namespace",
    );
    expect(status + operator.log).not.toContain("account.token");
    expect(new Set(logins)).toEqual(new Set(["/v1/auth/kubernetes/login"]));
  } finally {
    await operator.stop();
    server.close();
  }
});

test("keys of GnuPG 2, mounted as two Secrets, open after the chart's init container", async () => {
  const namespace = await admin.namespace("gpg");
  const home = join(dir, "home");
  mkdirSync(home, { mode: 0o700 });
  const gpg = (...args: string[]): string =>
    execFileSync("gpg", ["--homedir", home, "--batch", "--quiet", ...args], { encoding: "utf8" });
  gpg(
    "--passphrase",
    "",
    "--quick-gen-key",
    "tests <tests@example.com>",
    "default",
    "default",
    "1d",
  );
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg("--with-colons", "--list-keys"))?.[1] ?? "";
  const file = join(dir, "pgp.yaml");
  writeFileSync(file, plain("pgp"));
  const text = execFileSync(
    counterpart("sops"),
    ["--encrypt", "--pgp", fingerprint, ...canonical, file],
    { encoding: "utf8", env: { PATH: process.env["PATH"], GNUPGHOME: home } },
  );
  execFileSync("gpgconf", ["--homedir", home, "--kill", "all"]);
  // As the kubelet mounts them: files are links into a folder that is swapped.
  const root = join(dir, "secrets");
  const mount = (name: string, from: string): void => {
    const data = join(root, name, "..data");
    mkdirSync(data, { recursive: true });
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      cpSync(join(from, entry.name), join(data, entry.name));
      symlinkSync(join("..data", entry.name), join(root, name, entry.name));
    }
  };
  mount("gpg-secrets1", home);
  mount("gpg-secrets2", join(home, "private-keys-v1.d"));
  mkdirSync(join(root, "gpg"));
  const rendered = execFileSync(helm, ["template", "s", chart, "--set", "gpg.enabled=true"], {
    encoding: "utf8",
  });
  const pod = parseAllDocuments(rendered)
    .map(
      (document) =>
        document.toJSON() as {
          kind: string;
          spec?: {
            template?: {
              spec: {
                initContainers?: { args: string[]; image: string }[];
                containers: { image: string; env: { name: string; value?: string }[] }[];
              };
            };
          };
        } | null,
    )
    .find((one) => one?.kind === "Deployment")?.spec?.template?.spec;
  const [init] = pod?.initContainers ?? [];
  expect(init?.image).toBe("sopsmith:0.1.0-gpg");
  expect(pod?.containers[0]?.image).toBe("sopsmith:0.1.0-gpg");
  const script = (init?.args[0] ?? "").replaceAll("/var/secrets/", `${root}/`);
  execFileSync("sh", ["-c", script]);
  const gnupgHome = pod?.containers[0]?.env.find(({ name }) => name === "GNUPGHOME")?.value ?? "";
  const made = gnupgHome.replace("/var/secrets/", `${root}/`);
  const operator = await Operator.start(kube.kubeconfig, ["-watch-namespace", namespace], {
    SOPS_AGE_KEY: "",
    GNUPGHOME: made,
  });
  try {
    await operator.ready();
    await admin.applySops(namespace, stored(text));
    await says(namespace, "pgp", "Healthy");
    expect((await admin.secret(namespace, "pgp"))?.data).toEqual({ a: "b25l" });
  } finally {
    await operator.stop();
    execFileSync("gpgconf", ["--homedir", made, "--kill", "all"]);
  }
});

test("after a restart of the API server changes are seen within five seconds of its first answer", async () => {
  const namespace = await admin.namespace("restart");
  const operator = await Operator.start(kube.kubeconfig, ["-watch-namespace", namespace]);
  try {
    await operator.ready();
    await admin.applySops(namespace, sealed("before"));
    await says(namespace, "before", "Healthy");
    await kube.down();
    // Long enough for doubling waits to grow beyond five seconds.
    await delay(20_000);
    await kube.up();
    const back = performance.now();
    await admin.applySops(namespace, sealed("after"));
    await says(namespace, "after", "Healthy");
    expect(performance.now() - back).toBeLessThan(5000);
  } finally {
    expect(await operator.stop()).toBe(0);
  }
});

test.each([
  ["notices it", 0],
  // Its versions say nothing then: only the object itself shows that it is another one.
  ["hears of it when the store has overtaken all that was seen", 60],
])(
  "a cluster that is restored from an older backup is corrected: the operator %s",
  async (_, further) => {
    const namespace = await admin.namespace(`backup${further}`);
    const operator = await Operator.start(kube.kubeconfig, ["-watch-namespace", namespace]);
    const value = async (): Promise<string> =>
      Buffer.from((await admin.secret(namespace, "s"))?.data?.["a"] ?? "", "base64").toString();
    const withValue = (text: string) =>
      stored(sopsEncrypt(plain("s").replace("a: one", `a: ${text}`), ...canonical));
    try {
      await operator.ready();
      await admin.applySops(namespace, withValue("first"));
      await eventually(async () => (await value()) === "first", "the first value");
      const backup = join(dir, "backup");
      await kube.down();
      cpSync(kube.dir, backup, { recursive: true });
      await kube.up();
      for (const text of further === 0 ? ["second", "third"] : ["second"]) {
        await admin.applySops(namespace, withValue(text));
        await eventually(async () => (await value()) === text, `the ${text} value`, 60);
        await says(namespace, "s", "Healthy");
      }
      const refused = (): number => operator.log.split("ECONNREFUSED").length;
      const before = refused();
      await kube.down();
      if (further > 0) {
        // Each of the three watches has asked in vain.
        await eventually(() => Promise.resolve(refused() >= before + 3), "the outage is noticed");
        operator.child.kill("SIGSTOP");
      }
      rmSync(kube.dir, { recursive: true });
      cpSync(backup, kube.dir, { recursive: true });
      await kube.up();
      expect(await value()).toBe("first");
      // The same generation as the second value had, with another content.
      await admin.applySops(namespace, withValue("other"));
      for (let i = 0; i < further; i++)
        await admin.request({
          method: "POST",
          path: `/api/v1/namespaces/${namespace}/configmaps`,
          body: { metadata: { name: `later${i}` } },
        });
      operator.child.kill("SIGCONT");
      await eventually(async () => (await value()) === "other", "the value after the restore", 60);
    } finally {
      operator.child.kill("SIGCONT");
      expect(await operator.stop()).toBe(0);
    }
  },
);

test("the gauge of objects counts those that exist, whatever their state", async () => {
  const namespace = await admin.namespace("gauge");
  const keys = join(dir, "keys.txt");
  writeFileSync(keys, `${alice.identity}\n`);
  const operator = await Operator.start(
    kube.kubeconfig,
    ["-watch-namespace", namespace, "-metrics-per-object", "-zap-encoder=console"],
    { SOPS_AGE_KEY: "", SOPS_AGE_KEY_FILE: keys },
  );
  const ready = async (): Promise<(number | undefined)[]> => {
    const metrics = await operator.metrics();
    return ["True", "False"].map((status) =>
      metrics.get(`sopsmith_objects{condition="Ready",status="${status}"}`),
    );
  };
  const becomes = (wanted: number[]): Promise<unknown> =>
    eventually(
      async () => JSON.stringify(await ready()) === JSON.stringify(wanted),
      `ready and not: ${wanted.join(" ")}`,
    );
  try {
    await operator.ready();
    await admin.applySops(namespace, sealed("k1"));
    await admin.applySops(namespace, sealed("k2", ...canonical, "--age", bob.recipient));
    await becomes([1, 1]);
    const failed = `sopsmith_object_failed{namespace="${namespace}",name="k2",reason="KeyUnavailable"}`;
    expect((await operator.metrics()).get(failed)).toBe(1);
    writeFileSync(keys, `${alice.identity}\n${bob.identity}\n`);
    await becomes([2, 0]);
    expect((await operator.metrics()).get(failed)).toBeUndefined();
    await admin.request({ method: "DELETE", path: admin.sopsPath(namespace, "k1") });
    await becomes([1, 0]);
    expect(operator.log).toMatch(/^\S+Z\terror\tnot ready\t\{"object":"gauge\/k2"/m);
  } finally {
    await operator.stop();
  }
});
