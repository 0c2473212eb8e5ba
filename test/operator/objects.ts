import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readResources, sopsSecretOf } from "../../src/k8s/read.ts";
import { canonicalJson, type SopsSecret } from "../../src/k8s/sops-secret.ts";
import { counterpart } from "../counterparts.ts";
import { alice } from "../keys/fake-host.ts";

/** What `sops encrypt` of the real program makes of a manifest. */
export function sopsEncrypt(yaml: string, ...args: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), "sopsmith-operator-"));
  try {
    const path = join(dir, "s.yaml");
    writeFileSync(path, yaml);
    return execFileSync(
      counterpart("sops"),
      ["--encrypt", "--age", alice.recipient, ...args, path],
      {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], HOME: dir },
      },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The object that the API server hands out for a file: keys of maps sorted, comments gone, metadata of its own added. */
export function stored(file: string, metadata: object = {}): SopsSecret {
  const [manifest] = readResources(Buffer.from(file), "s.yaml", () => undefined);
  if (manifest === undefined) throw new Error("no manifest");
  const object = JSON.parse(canonicalJson(sopsSecretOf(manifest))) as SopsSecret;
  return {
    ...object,
    metadata: { ...object.metadata, uid: "u1", generation: 1, resourceVersion: "7", ...metadata },
  };
}

export const shop = `apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata:
  name: shop
  namespace: shop
spec:
  secretTemplates:
    - annotations:
        sopsmith.dev/scope: shop/shop
      labels:
        app: shop
      name: db
      stringData:
        password: s3cret-A
        username: shop
    - annotations:
        sopsmith.dev/scope: shop/shop
      data:
        cert: AAEC/w==
      name: tls
      type: custom/type
`;

export const handOrdered = `apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata:
  name: shop
  namespace: shop
spec:
  secretTemplates:
    - name: db
      labels:
        tier: backend
        app: shop
      stringData:
        username: shop
        password: s3cret-A
    - name: cache
      stringData:
        url: redis://x
        host: h
    - name: mail
      type: Opaque
      stringData:
        zeta: one
        alpha: two
`;

export const templatesOnly = ["--encrypted-suffix", "Templates"];
export const canonical = [...templatesOnly, "--mac-only-encrypted"];
