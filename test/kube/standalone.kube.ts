import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonical, shop, sopsEncrypt, stored } from "../operator/objects.ts";
import { eventually, Kube, Operator, type Client } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
const dir = mkdtempSync(join(tmpdir(), "sopsmith-standalone-"));
const program = join(dir, "manager");
let kube: Kube;
let admin: Client;

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, "scripts/build-standalone.ts"), "--target", "host"], {
    cwd: root,
  });
  copyFileSync(join(root, "standalone/sopsmith"), program);
  kube = await Kube.start();
  admin = kube.client();
  await admin.installCrd();
});
afterAll(async () => {
  await kube?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("the standalone executable under the former operator's name does the same, over a restart of the API server", async () => {
  const namespace = await admin.namespace("shop");
  const operator = await Operator.start(
    kube.kubeconfig,
    ["--watch-namespace", namespace, "--zap-log-level=info"],
    {},
    [program],
  );
  try {
    await operator.ready();
    await admin.applySops(namespace, stored(sopsEncrypt(shop, ...canonical)));
    await eventually(
      async () => (await admin.sops(namespace, "shop"))?.status?.message === "Healthy",
      "healthy",
    );
    expect((await admin.secret(namespace, "tls"))?.data).toEqual({ cert: "AAEC/w==" });
    const before = (await admin.secret(namespace, "db"))?.metadata.uid;
    await admin.request({ method: "DELETE", path: admin.secretPath(namespace, "db") });
    const again = await eventually(() => admin.secret(namespace, "db"), "the child comes back");
    expect(again.metadata.uid).not.toBe(before);
    await kube.down();
    await delay(3000);
    await kube.up();
    await admin.request({ method: "DELETE", path: admin.secretPath(namespace, "db") });
    await eventually(() => admin.secret(namespace, "db"), "the watch goes on", 60);
    expect(operator.child.exitCode).toBeNull();
    expect(operator.log).not.toContain("unexpected");
  } catch (error) {
    process.stdout.write(operator.log);
    throw error;
  } finally {
    expect(await operator.stop()).toBe(0);
  }
});
