import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { SopsmithError } from "../../errors.ts";
import { defaultKeyFile, NoDefaultKeyFile } from "../../keys/age/default-key-file.ts";
import { localKeyService, type KeyService } from "../../key-service/key-service.ts";
import { withNamedServersOnly } from "../../keys/vault-transit/servers.ts";
import { runOperator, type OperatorSettings } from "../../operator/controller.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import type { BoolFlag, IntFlag } from "../flags.ts";
import { ACCOUNT_FOLDER, connectToCluster } from "../kube-connection.ts";
import { logMistakes, operatorLog } from "../operator-log.ts";
import type { Options } from "../options.ts";
import { warn } from "../warn.ts";
import { bool, text } from "./k8s-input.ts";
import {
  configMaps,
  macBudget,
  macPolicy,
  policyOf,
  requireScope,
  requireScopeNamespaces,
} from "./operator-flags.ts";

type OwnInt = IntFlag & { readonly initial: number };

const int = (about: string, name: string, initial: number): OwnInt => ({
  kind: "int",
  names: [name],
  about,
  initial,
});

const metricsAddress = text(
  "address of /metrics; default :8080, 0 for none",
  "address",
  "metrics-bind-address",
);
const healthAddress = text(
  "address of /healthz and /readyz; default :8081, 0 for none",
  "address",
  "health-probe-bind-address",
);
const leaderElect = bool("let only one of several operators be active at a time", "leader-elect");
const leaseName = text(
  "name of the lease; default ca57d051.github.com",
  "name",
  "leader-election-id",
);
const leaseNamespace = text(
  "namespace of the lease; default: the pod's namespace",
  "name",
  "leader-election-namespace",
);
const requeueAfter = int(
  "longest wait in minutes before retrying after a failure, at least 1",
  "requeue-decrypt-after",
  5,
);
const watchNamespace = text(
  "namespaces to watch, separated by commas; default all",
  "names",
  "watch-namespace",
);
const labelSelector = text("only SopsSecrets with these labels", "selector", "label-selector");
const enforce = bool(
  "take over existing Secrets, unless an object says otherwise",
  "default-enforce-ownership",
);
const kubeconfig = text(
  "kubeconfig file; default: the cluster of the pod, or KUBECONFIG",
  "path",
  "kubeconfig",
);
const workers = int("how many objects to process at a time", "workers", 8);
const qps = int("requests per second to the API server", "kube-api-qps", 200);
const burst = int("requests to the API server in one burst", "kube-api-burst", 400);
const resync = int(
  "hours until a healthy object is decrypted and compared again; 0 means never",
  "resync-interval",
  10,
);
const recreate = text(
  "owned (default): recreate Secrets of the operator's own whose type changed or that are immutable; or never",
  "how",
  "recreate",
);
const relist = int(
  "minutes until everything is listed again, in case a watch missed something",
  "relist-interval",
  10,
);
const keySelector = text(
  "labels of Secrets with age keys that open the objects of their own namespace",
  "selector",
  "key-secret-selector",
);
const perObject = bool(
  "show in the metric sopsmith_object_failed which objects are not ready",
  "metrics-per-object",
);
const vaultRole = text(
  "log in to the Vault server in VAULT_ADDR with the pod's service account and this role",
  "name",
  "vault-kubernetes-role",
);
const vaultMount = text(
  "path of Vault's Kubernetes auth; default kubernetes",
  "path",
  "vault-kubernetes-mount",
);
const vaultTokenFile = text(
  "file with the service account's token for Vault; default: the pod's own token",
  "path",
  "vault-kubernetes-token-file",
);
const dataKeyCache: BoolFlag = {
  kind: "bool",
  names: ["data-key-cache"],
  on: true,
  about: "keep data keys in memory for ten minutes, to ask key services only once",
};
const development = bool("write log lines for people to read, with debug messages", "zap-devel");
const encoder = text("json or console; default json", "format", "zap-encoder");
const logLevel = text(
  "debug, info or error, or a number above 0 for debug; default info",
  "level",
  "zap-log-level",
);
const stacktraceLevel = text(
  "accepted for compatibility with sops-secrets-operator",
  "level",
  "zap-stacktrace-level",
);
const timeEncoding = text(
  "epoch, millis, nano, iso8601, rfc3339 or rfc3339nano; default iso8601",
  "format",
  "zap-time-encoding",
);

/** The controller. */
export const operator: Command = {
  operands: "",
  flags: [
    metricsAddress,
    healthAddress,
    leaderElect,
    leaseName,
    leaseNamespace,
    requeueAfter,
    watchNamespace,
    labelSelector,
    enforce,
    kubeconfig,
    macPolicy,
    macBudget,
    requireScope,
    requireScopeNamespaces,
    recreate,
    configMaps,
    workers,
    qps,
    burst,
    resync,
    relist,
    dataKeyCache,
    keySelector,
    vaultRole,
    vaultMount,
    vaultTokenFile,
    perObject,
    development,
    encoder,
    logLevel,
    stacktraceLevel,
    timeEncoding,
  ],
  notes: [
    "Watches SopsSecrets in a cluster, decrypts them in memory and keeps the Secrets that they describe up to date.",
    "Accepts the flags and the environment variables of sops-secrets-operator. It finds keys as sopsmith decrypt does. The command",
    "operator render prints what would be made, without a cluster.",
  ],
  examples: [
    { does: "run it in a pod", line: "sopsmith operator -leader-elect" },
    {
      does: "run it on a laptop, for one namespace",
      line: "sopsmith operator -kubeconfig ~/.kube/config -watch-namespace shop",
    },
    {
      does: "require a correct MAC and scope",
      line: "sopsmith operator -mac-policy require -require-scope",
    },
  ],
  async run(call) {
    if (call.operands.length > 0)
      throw new UsageError(
        `operator accepts no operands; its only subcommand is render`,
        1,
        "sopsmith help operator shows all options.",
      );
    const { options, streams, host } = call;
    const logging = {
      development: options.on(development),
      encoder: options.text(encoder),
      level: options.text(logLevel),
      timeEncoding: options.text(timeEncoding),
    };
    for (const mistake of logMistakes(logging)) warn(streams, mistake);
    const log = operatorLog(
      logging,
      () => host.now(),
      (line) => streams.writeStderr(line),
    );
    const { connection, namespace } = await connectToCluster(options.text(kubeconfig), host.env);
    const settings = await settingsOf(call, namespace);
    const stop = new AbortController();
    const onSignal = (): void => {
      if (stop.signal.aborted) process.exit(130);
      log("info", "stopping");
      stop.abort();
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    try {
      const strangers = withNamedServersOnly(host);
      const status = await runOperator(settings, connection, strangers, log, stop.signal);
      if (status !== 0) throw new SopsmithError("lease-lost", status, "");
    } finally {
      process.off("SIGTERM", onSignal);
      process.off("SIGINT", onSignal);
    }
  },
};

async function settingsOf(
  { options, host }: Call,
  contextNamespace: string,
): Promise<OperatorSettings> {
  const given = (flag: OwnInt): number => options.count(flag) ?? flag.initial;
  const atLeast = (flag: OwnInt, least: number): number => {
    const count = given(flag);
    if (count < least)
      throw new UsageError(`-${flag.names[0]} must be a number of at least ${least}`);
    return count;
  };
  const { env } = host;
  const podName = env["POD_NAME"] ?? hostname();
  const how = options.text(recreate) || "owned";
  if (how !== "owned" && how !== "never") throw new UsageError("-recreate must be owned or never");
  const ownNamespace =
    options.text(leaseNamespace) ||
    (env["POD_NAMESPACE"] ??
      (await readFile(`${ACCOUNT_FOLDER}/namespace`, "utf8").catch(() => contextNamespace)));
  const keyFile = env["SOPS_AGE_KEY_FILE"];
  return {
    policy: policyOf(options),
    enforceOwnership: options.on(enforce),
    recreate: how,
    // As the former operator does: less than a minute is a minute.
    capMs: Math.max(1, given(requeueAfter)) * 60_000,
    resyncMs: atLeast(resync, 0) * 3_600_000,
    namespaces: [
      ...new Set(
        options
          .text(watchNamespace)
          .split(",")
          .map((name) => name.trim())
          .filter(Boolean),
      ),
    ],
    labelSelector: options.text(labelSelector),
    workers: atLeast(workers, 1),
    qps: atLeast(qps, 1),
    burst: atLeast(burst, 1),
    metricsAddress: options.text(metricsAddress) || ":8080",
    healthAddress: options.text(healthAddress) || ":8081",
    lease: options.on(leaderElect)
      ? {
          namespace: ownNamespace.trim() || "default",
          name: options.text(leaseName) || "ca57d051.github.com",
        }
      : undefined,
    identity: `${podName}_${Buffer.from(host.randomBytes(8)).toString("hex")}`,
    keyFiles: [...(keyFile === undefined ? [] : [keyFile]), ...defaultPath(host)],
    cachesDataKeys: options.on(dataKeyCache),
    keyService: await keyServiceOf(options, env),
    keySelector: options.text(keySelector),
    relistMs: atLeast(relist, 1) * 60_000,
    perObjectMetrics: options.on(perObject),
  };
}

async function keyServiceOf(options: Options, env: Call["host"]["env"]): Promise<KeyService> {
  const role = options.text(vaultRole);
  if (role === "") return localKeyService;
  if (!env["VAULT_ADDR"])
    throw new UsageError("-vault-kubernetes-role needs the address of Vault in VAULT_ADDR");
  const { withKubernetesLogin } = await import("../../key-service/vault-login.ts");
  return withKubernetesLogin(localKeyService, {
    role,
    mount: options.text(vaultMount) || "kubernetes",
    tokenFile: options.text(vaultTokenFile) || `${ACCOUNT_FOLDER}/token`,
  });
}

function defaultPath(host: Call["host"]): string[] {
  try {
    return [defaultKeyFile(host)];
  } catch (error) {
    if (error instanceof NoDefaultKeyFile) return [];
    throw error;
  }
}
