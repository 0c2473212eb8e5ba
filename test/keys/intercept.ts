import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { counterpart } from "../counterparts.ts";
import { startStub, type Stub, type StubAnswer, type StubRequest } from "./stub.ts";

/** A certificate for some hosts, and the file of the authority that issued it. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly authority: string;
  remove(): void;
}

export function makeCertificate(hosts: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "sopsmith-tls-"));
  const openssl = (...args: string[]) =>
    execFileSync(counterpart("openssl"), args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=tests",
  );
  openssl("req", ...newKey, "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=stub");
  const names = hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`));
  writeFileSync(join(folder, "names"), `subjectAltName=${names.join(",")}\n`);
  const issuer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  openssl(
    "x509",
    "-req",
    "-in",
    "csr.pem",
    ...issuer,
    "-days",
    "2",
    "-extfile",
    "names",
    "-out",
    "cert.pem",
  );
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return {
    key: read("key.pem"),
    cert: read("cert.pem"),
    authority: join(folder, "ca.pem"),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** A stub that stands in for whole hosts of a vendor: programs reach it through a proxy and trust its certificate. */
export interface Intercept {
  readonly stub: Stub;
  /** What the programs' environment needs. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** @param answer is told the host by the header `host` */
export async function interceptHosts(
  hosts: readonly string[],
  answer: (request: StubRequest) => StubAnswer | "hang",
): Promise<Intercept> {
  const certificate = makeCertificate(hosts);
  const stub = await startStub(answer, certificate);
  const sockets = new Set<Socket>();
  const proxy = createServer((_, response) => response.writeHead(405).end());
  proxy.on("connect", (_request, client: Socket) => {
    const server = connect(stub.port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(server).pipe(client);
    });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    stub,
    env: { HTTPS_PROXY: `http://127.0.0.1:${port}`, SSL_CERT_FILE: certificate.authority },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
      await stub.close();
      certificate.remove();
    },
  };
}
