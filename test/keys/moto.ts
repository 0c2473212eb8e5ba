import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { counterpart } from "../counterparts.ts";

export interface AwsKeys {
  AccessKeyId: string;
  SecretAccessKey: string;
  SessionToken: string;
}

/** A moto server of its own. Once `enforce` was called it refuses wrong signatures and what no policy allows. */
export class Moto {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(): Promise<Moto> {
    const port = await freePort();
    const child = spawn(counterpart("motoServer"), ["-H", "127.0.0.1", "-p", String(port)], {
      stdio: "ignore",
    });
    const url = `http://127.0.0.1:${port}`;
    for (let attempt = 0; ; attempt++) {
      try {
        await fetch(`${url}/moto-api/`);
        return new Moto(url, child);
      } catch (cause) {
        if (attempt === 300) throw new Error("moto did not start within 30 s", { cause });
        await wait(100);
      }
    }
  }

  /** @returns once the process has gone */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  async enforce(): Promise<void> {
    await this.#send("/moto-api/reset-auth", { "content-type": "text/plain" }, "0");
  }

  /** @returns the ARN */
  async createKey(region = "us-east-1"): Promise<string> {
    const text = await this.kms("CreateKey", {}, region);
    return (JSON.parse(text) as { KeyMetadata: { Arn: string } }).KeyMetadata.Arn;
  }

  kms(operation: string, body: object, region = "us-east-1"): Promise<string> {
    const headers = {
      ...scope("kms", region),
      "x-amz-target": `TrentService.${operation}`,
      "content-type": "application/x-amz-json-1.1",
    };
    return this.#send("/", headers, JSON.stringify(body));
  }

  /** @param place bucket, and what follows it in the address */
  async s3(method: "GET" | "PUT" | "DELETE", place: string): Promise<string> {
    const headers = scope("s3", "us-east-1");
    const response = await fetch(`${this.url}/${place}`, { method, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`moto: ${response.status} ${text}`);
    return text;
  }

  /** A user with an access key who may do what is listed. */
  async createUser(name: string, actions: readonly string[]): Promise<AwsKeys> {
    await this.#iam("CreateUser", { UserName: name });
    const PolicyDocument = policy(actions);
    await this.#iam("PutUserPolicy", { UserName: name, PolicyName: "p", PolicyDocument });
    return { ...keysIn(await this.#iam("CreateAccessKey", { UserName: name })), SessionToken: "" };
  }

  /** @returns the ARN */
  async createRole(name: string, actions: readonly string[]): Promise<string> {
    await this.#iam("CreateRole", { RoleName: name, AssumeRolePolicyDocument: trust });
    const PolicyDocument = policy(actions);
    await this.#iam("PutRolePolicy", { RoleName: name, PolicyName: "p", PolicyDocument });
    return `arn:aws:iam::123456789012:role/${name}`;
  }

  /** Temporary credentials of a role. */
  async assume(RoleArn: string): Promise<AwsKeys> {
    const form = { Action: "AssumeRole", Version: "2011-06-15", RoleArn, RoleSessionName: "tests" };
    return keysIn(await this.#form("sts", form));
  }

  #iam(Action: string, parameters: Record<string, string>): Promise<string> {
    return this.#form("iam", { Action, Version: "2010-05-08", ...parameters });
  }

  #form(service: string, form: Record<string, string>): Promise<string> {
    const headers = {
      ...scope(service, "us-east-1"),
      "content-type": "application/x-www-form-urlencoded",
    };
    return this.#send("/", headers, new URLSearchParams(form).toString());
  }

  async #send(path: string, headers: Record<string, string>, body: string): Promise<string> {
    const response = await fetch(`${this.url}${path}`, { method: "POST", headers, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`moto: ${response.status} ${text}`);
    return text;
  }
}

/** Tells moto which service is meant; nothing is checked until `enforce`. */
const scope = (service: string, region: string) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=setup/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=none`,
});

const policy = (actions: readonly string[]): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }],
  });

/** Anyone may assume the role whom a policy lets. */
const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
});

function keysIn(xml: string): AwsKeys {
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</`).exec(xml)?.[1] ?? "";
  return {
    AccessKeyId: field("AccessKeyId"),
    SecretAccessKey: field("SecretAccessKey"),
    SessionToken: field("SessionToken"),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
