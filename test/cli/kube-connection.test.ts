import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { connectToCluster } from "../../src/cli/kube-connection.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sopsmith-kubeconfig-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function kubeconfig(user: object, cluster: object = {}, name = "config"): string {
  const path = join(dir, name);
  writeFileSync(
    path,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "here",
      contexts: [
        { name: "other", context: { cluster: "none", user: "none" } },
        { name: "here", context: { cluster: "c", user: "u", namespace: "ops" } },
      ],
      clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:6443", ...cluster } }],
      users: [{ name: "u", user }],
    }),
  );
  return path;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const env = { HOME: "/nonexistent" };

test.each([
  ["a token", { token: "t" }, { headers: { authorization: "Bearer t" } }],
  [
    "a token's file",
    { tokenFile: "token", token: "old" },
    { headers: { authorization: "Bearer mounted" } },
  ],
  [
    "a name and a password",
    { username: "u", password: "p" },
    { headers: { authorization: `Basic ${base64("u:p")}` } },
  ],
  [
    "a certificate",
    { "client-certificate-data": base64("CERT"), "client-key": "key.pem" },
    { cert: Buffer.from("CERT"), key: Buffer.from("KEY") },
  ],
  [
    "a program",
    {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "./login",
        interactiveMode: "Never",
      },
    },
    { headers: { authorization: "Bearer from-program" } },
  ],
])("a kubeconfig with %s is used", async (_what, user, wanted) => {
  writeFileSync(join(dir, "token"), "mounted\n");
  writeFileSync(join(dir, "key.pem"), "KEY");
  writeFileSync(
    join(dir, "login"),
    `#!/bin/sh\necho '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-program"}}'\n`,
    { mode: 0o755 },
  );
  const given = "exec" in user ? { exec: { ...user.exec, command: join(dir, "login") } } : user;
  const path = kubeconfig(given, { "certificate-authority-data": base64("CA") });
  const { connection, namespace } = await connectToCluster(path, env);
  expect(namespace).toBe("ops");
  expect(connection.server).toBe("https://127.0.0.1:6443");
  const credentials = await connection.credentials();
  expect(credentials).toMatchObject(wanted);
  expect(String(credentials.ca)).toBe("CA");
});

test("KUBECONFIG and ~/.kube/config are found; TLS settings go along", async () => {
  const path = kubeconfig(
    { token: "a" },
    { "insecure-skip-tls-verify": true, "tls-server-name": "api" },
  );
  const named = await connectToCluster("", { ...env, KUBECONFIG: path });
  expect(await named.connection.credentials()).toMatchObject({
    rejectUnauthorized: false,
    servername: "api",
  });
  mkdirSync(join(dir, ".kube"));
  kubeconfig({ token: "home" }, {}, ".kube/config");
  const home = await connectToCluster("", { HOME: dir });
  expect((await home.connection.credentials()).headers).toEqual({ authorization: "Bearer home" });
});

test("a pod uses its own service account, and reads its token each time", async () => {
  writeFileSync(join(dir, "token"), "first\n");
  writeFileSync(join(dir, "ca.crt"), "CA");
  writeFileSync(join(dir, "namespace"), "sops");
  const pod = { ...env, KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  const { connection, namespace } = await connectToCluster("", pod, dir);
  expect([connection.server, namespace]).toEqual(["https://[fd00::1]:443", "sops"]);
  expect(await connection.credentials()).toEqual({
    headers: { authorization: "Bearer first" },
    ca: "CA",
  });
});

test("a kubeconfig that is missing, or names no cluster, is reported", async () => {
  await expect(connectToCluster(join(dir, "none"), env)).rejects.toThrow("none cannot be read");
  const path = join(dir, "empty");
  writeFileSync(path, stringify({ apiVersion: "v1", kind: "Config", "current-context": "x" }));
  await expect(connectToCluster(path, env)).rejects.toThrow("no cluster is configured");
  // Not localhost:8080, as the client library has it.
  await expect(connectToCluster("", env, dir)).rejects.toThrow("no cluster is configured");
  await expect(connectToCluster("", { ...env, KUBECONFIG: "/none" })).rejects.toThrow(
    "the kubeconfig /none cannot be read",
  );
});
