import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fromDebian, isExecutable, onPath, SetupError, type Counterpart } from "./counterpart.ts";

const serverPattern = "/usr/lib/postgresql/*/bin/postgres";

/** Debian's PostgreSQL: the folder with `initdb`, `postgres` and `psql`, which Debian keeps off PATH. */
export const postgres: Counterpart<"postgresBin"> = {
  names: ["postgresBin"],
  isReady: ({ postgresBin }) => isExecutable(`${postgresBin}/postgres`),
  make() {
    const hint = "Install PostgreSQL (macOS: brew install postgresql), then run again.";
    const find = () => globSync(serverPattern).toSorted().at(-1) ?? onPath("postgres");
    if (find() === undefined) fromDebian(["postgresql"], ["pg_lsclusters"], hint);
    const path = find();
    if (path === undefined)
      throw new SetupError(`${serverPattern} is still not there after postgresql was installed`);
    return { postgresBin: dirname(path) };
  },
};
