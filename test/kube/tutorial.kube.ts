import { execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Sandbox } from "../cli/sandbox.ts";
import { eventually, Kube, Operator } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
const text = readFileSync(join(root, "docs/kubernetes.md"), "utf8");

/** The commands of each numbered section, by its number. */
function commandsOf(section: number): string {
  const part = text.split(/^## /m).find((one) => one.startsWith(`${section}. `)) ?? "";
  return [...part.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands).join("");
}

let kube: Kube;
beforeAll(async () => {
  execFileSync("kubectl", ["version", "--client"], { stdio: "ignore" });
  kube = await Kube.start();
});
afterAll(() => kube?.stop());

test("every command of the tutorial does what it says, from an empty folder to a Secret in a cluster", async () => {
  const box = new Sandbox();
  writeFileSync(
    box.path("sopsmith"),
    `#!/bin/sh\nexec "${process.execPath}" "${Sandbox.program}" "$@"\n`,
  );
  chmodSync(box.path("sopsmith"), 0o755);
  cpSync(join(root, "deploy"), box.path("deploy"), { recursive: true });
  const sections = [1, 2, 3, 4, 5, 6, 7, 8];
  for (const section of sections) expect(commandsOf(section), `section ${section}`).not.toBe("");
  const script = sections
    .map((section) => {
      // Pods do not run here: the test starts the operator that the Deployment describes.
      const wait =
        section === 5 ? "touch wanted; while [ ! -e started ]; do sleep 0.1; done\n" : "";
      return `${wait}echo "== ${section}"\n${commandsOf(section)}`;
    })
    .join("\n");
  const env = {
    ...box.env,
    PATH: `${box.dir}:${box.env["PATH"] ?? ""}`,
    KUBECONFIG: kube.kubeconfig,
  };
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], { cwd: box.dir, env });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) =>
    child.once("close", (code) => resolve(code)),
  );
  let operator: Operator | undefined;
  try {
    await eventually(
      () => Promise.resolve(existsSync(box.path("wanted")) || child.exitCode !== null),
      "the operator is wanted",
      120,
    );
    if (child.exitCode === null) {
      operator = await Operator.start(kube.kubeconfig, [], {
        SOPS_AGE_KEY: "",
        SOPS_AGE_KEY_FILE: box.path("age-key.txt"),
      });
      await operator.ready();
      writeFileSync(box.path("started"), "");
    }
    const code = await ended;
    expect(code, output).toBe(0);
    expect(output).toContain("sopssecret.isindir.github.com/db condition met");
    expect(output).toMatch(/== 5\n(?:.*\n)*?s3cret-A/);
    expect(output).toMatch(/== 7\n(?:.*\n)*?s3cret-B/);
    expect(readFileSync(box.path("db.tf"), "utf8")).toContain("ENC[AES256_GCM,");
    const client = kube.client();
    await eventually(
      async () =>
        (await client.secret("shop", "db"))?.data?.["password"] ===
        Buffer.from("s3cret-B").toString("base64"),
      "the change arrives",
    );
    // The plain manifests were accepted whole.
    expect(
      await client.get("/apis/apps/v1/namespaces/sops/deployments/sops-sops-secrets-operator"),
    ).toBeDefined();
  } finally {
    child.kill();
    await operator?.stop();
    box.remove();
  }
});
