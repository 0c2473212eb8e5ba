import { randomBytes } from "node:crypto";
import type { ChildResult, Host, HttpRequest, HttpResponse } from "../../src/io/host.ts";

interface Surroundings {
  env?: Record<string, string>;
  files?: Record<string, string | Uint8Array | { code: string }>;
  platform?: NodeJS.Platform;
  passphrase?: string;
  fetch?: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  run?: (
    argv: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    stdin?: Uint8Array,
  ) => Omit<ChildResult, "stderr"> & { stderr?: Uint8Array };
  terminal?: string;
}

/** A host without a disk, with what was said and asked in `log`. */
export function fakeHost(around: Surroundings = {}): Host & { log: string[] } {
  const log: string[] = [];
  return {
    log,
    env: { HOME: "/home/u", ...around.env },
    platform: around.platform ?? "linux",
    cwd: () => "/work",
    now: () => new Date("2026-11-23T21:15:59.750Z"),
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    readFile: (path) => {
      log.push(`read ${path}`);
      const file = around.files?.[path] ?? { code: "ENOENT" };
      if (typeof file === "string") return Promise.resolve(Buffer.from(file));
      if (file instanceof Uint8Array) return Promise.resolve(file);
      return Promise.reject(Object.assign(new Error("system"), file));
    },
    run: (argv, env, options) => {
      log.push(`run ${JSON.stringify(argv)}`);
      if (around.run === undefined)
        return Promise.reject(Object.assign(new Error("system"), { code: "ENOENT" }));
      const result = around.run(argv, env, options?.stdin);
      return Promise.resolve({ stderr: new Uint8Array(0), ...result });
    },
    terminalName: () => Promise.resolve(around.terminal),
    fetch: async (request) => {
      log.push(`fetch ${request.method} ${request.url}`);
      if (around.fetch === undefined)
        throw Object.assign(new Error("system"), { code: "ECONNREFUSED" });
      return around.fetch(request);
    },
    spawn: (argv) => {
      log.push(`spawn ${JSON.stringify(argv)}`);
      return Promise.reject(Object.assign(new Error("system"), { code: "ENOENT" }));
    },
    connect: (path) => {
      log.push(`connect ${path}`);
      return Promise.reject(Object.assign(new Error("system"), { code: "ENOENT" }));
    },
    accountHome: () => "/home/account",
    promptLine: (prompt) => {
      log.push(`ask ${prompt}`);
      return Promise.resolve(around.passphrase);
    },
    promptKey: (prompt) => {
      log.push(`ask ${prompt}`);
      return Promise.resolve(undefined);
    },
    promptSecret: (prompt) => {
      log.push(`ask ${prompt}`);
      return Promise.resolve(around.passphrase);
    },
    warn: (message) => {
      log.push(`warn ${message}`);
    },
  };
}

/** Throw-away keys, made for tests. The first is the known answer of spec keys section 15. */
export const alice = {
  identity: "AGE-SECRET-KEY-14CH4LZ5VW0LG9043AS3XYMPVN2EAH804PQ7AG4HG6AE03DJLNFXSSLWNPH",
  recipient: "age16yhmu0zhgzn2set07fm7595ddr95m6v7s4ezn967757v9t7q5peqm5mtts",
  enc: `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBjSENOSkk5TjRDeGwxR1Zw
TjVUaXdrbDMyQ3pOejh6ODJFa1FCRGRqbVVZCncrSzZMcHQwWVlxckFYclVHNndC
dlJqWXk2em12RSt5ZmtlM3RnRnN5S2cKLS0tIFgzUHRxaldMR3ZiOStheUUycGpI
R1RWTnlZWTBTcCsvTis5dXZKZUZ0c00KsvqHwFFoUnJT3e1C+ifU2rsv4feoJeCb
2OAY1BfCVLzQwCriNl3uGYethJX3p1btfRnSqlf9rOM9pOXIrrjezQ==
-----END AGE ENCRYPTED FILE-----
`,
  dataKey: "daa3a6d4e6b68fe973a6ab899c23765f7c4e22ca47ef10b5bfc45c8e23710f25",
};
export const bob = {
  identity: "AGE-SECRET-KEY-12ZYD5AVJMMPPN2C2VDT0W3XDDV3LYPTLQ2NPKN6G5CRJ7XP45LDQ57FKUV",
  recipient: "age1hfs4zv0gm88cph9za4fsv53k33q3wrvzfsmsx3r46wu0txras5ysxe4rsd",
};
