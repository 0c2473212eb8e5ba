import { userInfo } from "node:os";
import type { Client } from "pg";
import { Fields, type Reading } from "../config/fields.ts";
import { parseYaml } from "../config/yaml.ts";
import { ConfigError, SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { absent } from "../io/optional-package.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { connectionUrl, hidePassword } from "./connection.ts";

/** Where events go: connections to all databases that the audit configuration names. */
export interface AuditLog {
  /**
   * Writes one event to each database.
   *
   * @param file absolute path
   * @throws {SopsmithError} exit 1: what is not written down is not done
   */
  record(action: string, file: string): Promise<void>;
  close(): Promise<void>;
}

/** How long a database may take to answer, in milliseconds. */
const LIMIT = 30_000;

/**
 * Connects to the databases of an audit configuration, and makes sure that they answer.
 *
 * @param path shown in messages
 * @returns undefined when it names none
 * @throws {SopsmithError} exit 2 for text that is no such configuration, 1 when any database does not answer
 * @see spec cli section 9
 */
export async function openAuditLog(
  text: Uint8Array,
  path: string,
  host: Host,
): Promise<AuditLog | undefined> {
  const backends = await readBackends(text, path, host);
  if (backends.length === 0) return undefined;
  const { default: pg } = await import("pg").catch(absent("pg"));
  const connections: Client[] = [];
  const close = async () => {
    for (const client of connections) await client.end().catch(() => {});
  };
  const failures: string[] = [];
  for (const backend of backends) {
    try {
      const client = new pg.Client({
        connectionString: connectionUrl(backend),
        connectionTimeoutMillis: LIMIT,
        query_timeout: LIMIT,
      });
      // A connection that is lost between two questions shows in the next one.
      client.on("error", () => {});
      connections.push(client);
      await client.connect();
      await client.query("SELECT 1");
    } catch (error) {
      failures.push(`connectStr: ${hidePassword(backend)}, err: ${reason(error, backend)}`);
    }
  }
  if (failures.length > 0) {
    await close();
    throw new SopsmithError(
      "audit-unreachable",
      1,
      `connecting to audit database, defined in ${path}: ${failures.join("; ")}`,
      {
        hint: "one or more audit backends reported errors, exiting: nothing is done that cannot be recorded.",
      },
    );
  }
  return {
    close,
    async record(action, file) {
      for (const [index, client] of connections.entries()) {
        try {
          await client.query(
            "INSERT INTO audit_event (action, username, file) VALUES ($1, $2, $3)",
            [action, userInfo().username, file],
          );
        } catch (error) {
          const why = reason(error, backends[index] ?? "");
          throw new SopsmithError(
            "audit-failed",
            1,
            `Failed to insert audit record: ${why} (${path})`,
            {
              hint: "Nothing was done, because it could not be recorded.",
            },
          );
        }
      }
    },
  };
}

async function readBackends(text: Uint8Array, path: string, host: Host): Promise<string[]> {
  const reading: Reading = { path, warn: host.warn, visits: 0, unknown: 0 };
  try {
    const top = new Fields(await parseYaml(text, path), "the audit configuration", reading);
    const postgres = top.nested("backends", "'backends'").list("postgres") ?? [];
    return postgres.map((item) =>
      new Fields(item, "an item of 'postgres'", reading).text("connection_string"),
    );
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const problem = cause.message.replace(/^.*Could not unmarshal config file: /s, "");
    throw new SopsmithError("audit-config", 2, `Error unmarshalling config: ${problem}`, { cause });
  }
}

/** One line, without the password. */
function reason(error: unknown, backend: string): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const known = first instanceof Error && "syscall" in first ? systemReason(first) : undefined;
  const message = first instanceof Error ? first.message : "";
  return hidePassword(known ?? (message || systemCode(first) || "no answer"), backend);
}
