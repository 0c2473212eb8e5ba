import { spawn, type ChildProcess } from "node:child_process";
import { connect, createServer, type AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { programUnderTest } from "../cli/program-under-test.ts";
import { counterpart } from "../counterparts.ts";

type Env = Readonly<Record<string, string>>;

export type Program = "sopsmith" | "sops";

/** A key service of either program, which has started to listen. */
export class Service {
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    child.stdin?.on("error", () => {});
  }

  /** @param uri where it shall listen */
  static async start(
    program: Program,
    uri: string,
    how: { env: Env; args?: readonly string[] },
  ): Promise<Service> {
    const { protocol } = new URL(uri);
    const network = protocol.slice(0, -1);
    const address = uri.slice(`${network}://`.length);
    const [command, ...first] = program === "sops" ? [counterpart("sops")] : programUnderTest;
    const words = ["keyservice", "--network", network, "--address", address, ...(how.args ?? [])];
    const service = new Service(spawn(command, [...first, ...words], { env: how.env }));
    for (let attempt = 0; !(await answers(network, address)); attempt++) {
      if (attempt === 200 || service.#child.exitCode !== null)
        throw new Error(`${program} does not listen on ${uri}: ${service.#stderr}`);
      await wait(50);
    }
    return service;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Lines for its prompt. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** @returns its exit status */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    const ended = new Promise<number | null>((resolve) => this.#child.once("close", resolve));
    this.#child.kill(signal);
    return ended;
  }
}

function answers(network: string, address: string): Promise<boolean> {
  const port = Number(address.split(":").at(-1));
  return new Promise((resolve) => {
    const socket =
      network === "unix" ? connect({ path: address }) : connect({ host: "127.0.0.1", port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
