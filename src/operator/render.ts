import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import type { JsonObject, Secret, SopsSecret } from "../k8s/sops-secret.ts";
import { record } from "../k8s/sops-secret.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { secretOf, type Owner } from "./build.ts";
import { childManifest } from "./config-map.ts";
import { judge, type Policy } from "./judge.ts";

export interface RenderOptions {
  readonly policy: Policy;
  readonly services: readonly KeyService[];
  /** For objects that name none. */
  readonly namespace: string;
  /** Values are left out; how long they are stays. */
  readonly redact: boolean;
  /** Uid of the object, for the owner reference and the label. */
  readonly ownerUid: string | undefined;
}

export interface Rendered {
  readonly secrets: readonly JsonObject[];
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
}

/** The Secrets that the operator would make of an object, by the same code (spec kubernetes 4.11). */
export async function render(
  object: SopsSecret,
  options: RenderOptions,
  host: Host,
): Promise<Rendered> {
  const { metadata } = object;
  const namespace = metadata.namespace ?? options.namespace;
  const name = metadata.name ?? "";
  const named = namespace === "" ? object : { ...object, metadata: { ...metadata, namespace } };
  const judged = await judge(named, options, host);
  const owner: Owner | undefined =
    options.ownerUid === undefined ? undefined : { name, uid: options.ownerUid };
  const where = namespace === "" ? name : `${namespace}/${name}`;
  const problems = judged.findings
    .filter(({ status, reason }) => status === "False" || reason === "OrderUnknown")
    .map(({ type, reason, message }) => `${where}: ${type}: ${reason}: ${message}`);
  const { refusal } = judged;
  if (refusal !== undefined && !judged.findings.some(({ message }) => message === refusal.message))
    problems.push(`${where}: ${refusal.reason}: ${refusal.message}`);
  const secrets: JsonObject[] = [];
  for (const { child, problem } of judged.templates) {
    if (problem !== undefined) problems.push(`${where}: ${problem.reason}: ${problem.message}`);
    else secrets.push(rendered(secretOf(child, namespace, owner), options.redact));
  }
  return { secrets, problems };
}

function rendered(secret: Secret, isRedacted: boolean): JsonObject {
  const manifest = childManifest(secret);
  if (!isRedacted) return manifest;
  const { binaryKeys = [] } = secret;
  const lengths = (isBinary: boolean): [string, string][] =>
    Object.entries(secret.data ?? {})
      .filter(([key]) => binaryKeys.includes(key) === isBinary)
      .map(([key, value]) => [key, `<${Buffer.byteLength(value, "base64")} bytes>`]);
  return {
    ...manifest,
    ...(manifest["data"] === undefined ? {} : { data: record(lengths(false)) }),
    ...(manifest["binaryData"] === undefined ? {} : { binaryData: record(lengths(true)) }),
  };
}

/** Something is wrong with an object that was rendered. Exit 1. */
export class RenderProblems extends SopsmithError {
  constructor(problems: readonly string[]) {
    super("render-problems", 1, problems.join("\n"));
  }
}
