import type { Host } from "../../io/host.ts";
import { LoginError, UnwrapError } from "../provider.ts";
import { parseObject, RemoteFailure, textAt, unwrapOnWire, type Wire } from "../remote.ts";
import { urlPath } from "../url-path.ts";
import { refusal, request } from "./api.ts";
import { checkServer } from "./servers.ts";

/** How a workload in Kubernetes logs in to Vault. */
export interface KubernetesLogin {
  readonly role: string;
  /** Path of the auth method, such as `kubernetes`. */
  readonly mount: string;
  /** File with the service account's token; read anew for each login, because the kubelet renews it. */
  readonly tokenFile: string;
}

/** What Vault gives for it. */
export interface VaultToken {
  readonly text: string;
  /** When to ask for another, by the host's clock in milliseconds. */
  readonly until: number;
}

/** A token is used for two thirds of its life. */
const SHARE = 2 / 3;

/** For tokens that never expire, in seconds. */
const NEVER = 3600;

/**
 * Logs in to the server in `VAULT_ADDR`, which alone gets the account's token.
 *
 * @throws {LoginError}
 */
export async function logInWithKubernetes(
  login: KubernetesLogin,
  host: Host,
  signal?: AbortSignal,
): Promise<VaultToken> {
  const prefix = `the login to Vault with the role ${login.role} failed: `;
  try {
    return await unwrapOnWire(host, prefix, (wire) => logInOver(login, wire), signal);
  } catch (error) {
    if (!(error instanceof UnwrapError)) throw error;
    const { message, failure, remedy, exitCode, cause } = error;
    throw new LoginError(message, { failure, remedy, exitCode, cause });
  }
}

async function logInOver(
  { role, mount, tokenFile }: KubernetesLogin,
  wire: Wire,
): Promise<VaultToken> {
  const { host } = wire;
  const address = host.env["VAULT_ADDR"] ?? "";
  checkServer(address, wire);
  const jwt = await host.readFile(tokenFile).then(
    (bytes) => Buffer.from(bytes).toString("utf8").trim(),
    (cause: unknown) => {
      throw new RemoteFailure(
        `the service account's token ${tokenFile} cannot be read`,
        "mount it, or name its file with -vault-kubernetes-token-file",
        "source",
        cause,
      );
    },
  );
  wire.hide(jwt);
  const path = `auth/${urlPath(mount, "path of the auth method")}/login`;
  const base = address.replace(/\/+$/, "");
  const body = JSON.stringify({ role, jwt });
  const response = await request("PUT", `${base}/v1/${path}`, body, undefined, wire);
  if (response.status < 200 || response.status >= 300) {
    const { message } = refusal(response, "", path);
    throw new RemoteFailure(
      message,
      `check that the role ${role} of ${path} is bound to the operator's service account and namespace`,
    );
  }
  const auth = parseObject(response, "Vault")["auth"];
  const text = textAt(auth, "client_token");
  if (!text) throw new RemoteFailure("Vault gave no token", "check Vault's log");
  wire.hide(text);
  const seconds = secondsOf(auth) || NEVER;
  return { text, until: host.now().getTime() + seconds * SHARE * 1000 };
}

function secondsOf(auth: unknown): number {
  if (typeof auth !== "object" || auth === null || !("lease_duration" in auth)) return 0;
  const { lease_duration: seconds } = auth;
  return typeof seconds === "number" && Number.isFinite(seconds) ? seconds : 0;
}
