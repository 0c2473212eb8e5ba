import { createServer, type AddressInfo } from "node:net";
import type { Host } from "../../src/io/host.ts";
import type { SopsSecret } from "../../src/k8s/sops-secret.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { runOperator, type OperatorSettings } from "../../src/operator/controller.ts";
import { age } from "../../src/keys/age/age.ts";
import { alice, fakeHost } from "../keys/fake-host.ts";
import { encryptBytes } from "../verbs.ts";
import type { FakeApi } from "./fake-api.ts";
import { stored } from "./objects.ts";

/** An encrypted object with one template, `NAME-child`, as it is put into the fake API server. */
export async function sealedObject(
  name: string,
  values: Record<string, string> = { a: "1" },
  recipient: string = alice.recipient,
): Promise<SopsSecret> {
  const plain = {
    apiVersion: "isindir.github.com/v1alpha3",
    kind: "SopsSecret",
    metadata: { name },
    spec: { secretTemplates: [{ name: `${name}-child`, stringData: values }] },
  };
  const text = await encryptBytes(JSON.stringify(plain), {
    format: "json",
    selectors: [{ name: "encrypted_suffix", value: "Templates" }],
    macOnlyEncrypted: true,
    keyGroups: [await age.parse(recipient, fakeHost())],
  });
  const { metadata, ...rest } = stored(text.toString());
  return { ...rest, metadata: { name: metadata.name ?? "" } };
}

/** An operator in this process, with what it logs. */
export function startOperator(
  api: FakeApi,
  signal: AbortSignal,
  settings: Partial<OperatorSettings> = {},
  host: Host = fakeHost({ env: { SOPS_AGE_KEY: alice.identity } }),
): { log: string[]; status: Promise<number> } {
  const log: string[] = [];
  const status = runOperator(
    {
      policy: { mac: "report", macBudget: 100, requiresScope: () => false, configMaps: true },
      enforceOwnership: false,
      recreate: "owned",
      capMs: 60_000,
      resyncMs: 0,
      namespaces: [],
      labelSelector: "",
      workers: 4,
      qps: 1000,
      burst: 1000,
      metricsAddress: "0",
      healthAddress: "0",
      lease: undefined,
      identity: "one",
      keyFiles: [],
      cachesDataKeys: true,
      keyService: localKeyService,
      keySelector: "",
      relistMs: 600_000,
      perObjectMetrics: false,
      ...settings,
    },
    api.connection,
    host,
    (level, message, fields) => log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    signal,
  );
  return { log, status };
}

/** An address on this machine that is free. */
export async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return `127.0.0.1:${port}`;
}
