import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { counterpart } from "../counterparts.ts";
import { freePort } from "../key-service/service.ts";

/** A PostgreSQL of its own, run as user `postgres`, with sops's table and a role that may only write to it. */
export class Postgres {
  readonly port: number;
  readonly #dir: string;
  readonly #child: ChildProcess;

  private constructor(port: number, dir: string, child: ChildProcess) {
    this.port = port;
    this.#dir = dir;
    this.#child = child;
  }

  static readonly password = "p@ss wörd/1";

  static async start(): Promise<Postgres> {
    const dir = mkdtempSync(join(tmpdir(), "sopsmith-pg-"));
    // The server refuses to run as root.
    const isRoot = process.getuid?.() === 0;
    const asOther = isRoot
      ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
      : [];
    if (isRoot) {
      const [uid, gid] = ["-u", "-g"].map((flag) =>
        Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" })),
      );
      chownSync(dir, uid ?? 0, gid ?? 0);
    }
    chmodSync(dir, 0o700);
    const bin = counterpart("postgresBin");
    const command = (program: string, ...args: string[]): [string, string[]] => {
      const [first = "", ...rest] = [...asOther, join(bin, program), ...args];
      return [first, rest];
    };
    const data = join(dir, "data");
    const passwordFile = join(dir, "password");
    writeFileSync(passwordFile, "admin\n");
    const env = { PATH: process.env["PATH"], LC_ALL: "C" };
    execFileSync(
      ...command(
        "initdb",
        "-D",
        data,
        "-U",
        "admin",
        "-A",
        "scram-sha-256",
        "-N",
        "-E",
        "UTF8",
        `--pwfile=${passwordFile}`,
      ),
      { env, cwd: dir, stdio: ["ignore", "ignore", "pipe"] },
    );
    const port = await freePort();
    const settings = [
      `port=${port}`,
      `unix_socket_directories=${dir}`,
      "fsync=off",
      "listen_addresses=127.0.0.1",
    ];
    const child = spawn(
      ...command("postgres", "-D", data, ...settings.flatMap((setting) => ["-c", setting])),
      { env, cwd: dir, stdio: "ignore" },
    );
    const postgres = new Postgres(port, dir, child);
    for (let attempt = 0; ; attempt++) {
      try {
        postgres.sql("SELECT 1");
        break;
      } catch (cause) {
        if (attempt === 100) throw new Error("PostgreSQL did not start", { cause });
        await wait(100);
      }
    }
    postgres.sql(
      `CREATE ROLE sops LOGIN PASSWORD '${Postgres.password}';
       CREATE TABLE audit_event (id SERIAL PRIMARY KEY, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP, action TEXT, username TEXT, file TEXT);
       GRANT INSERT ON audit_event TO sops; GRANT USAGE ON audit_event_id_seq TO sops;`,
    );
    return postgres;
  }

  /** As the administrator; rows as lines, fields separated by `|`. */
  sql(text: string): string {
    return execFileSync(
      join(counterpart("postgresBin"), "psql"),
      [
        "-h",
        "127.0.0.1",
        "-p",
        String(this.port),
        "-U",
        "admin",
        "-d",
        "postgres",
        "-qtAX",
        "-v",
        "ON_ERROR_STOP=1",
        "-c",
        text,
      ],
      {
        env: { PATH: process.env["PATH"], PGPASSWORD: "admin" },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      },
    ).trim();
  }

  /** A connection string for the role that writes events. */
  uri(password = Postgres.password, port = this.port): string {
    return `postgres://sops:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres?sslmode=disable`;
  }

  /** The events since the last call, as `action username file`. */
  takeEvents(): string[] {
    const rows = this.sql("SELECT action, username, file FROM audit_event ORDER BY id");
    this.sql("DELETE FROM audit_event");
    return rows === "" ? [] : rows.split("\n").map((row) => row.replaceAll("|", " "));
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    // Fast shutdown: connections are ended.
    this.#child.kill("SIGINT");
    await ended;
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
