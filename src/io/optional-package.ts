import { existsSync } from "node:fs";
import { join, sep } from "node:path";
import { SopsmithError } from "../errors.ts";
import { systemCode } from "./system-error.ts";

/**
 * Packages that do not come with sopsmith, and the releases that it works with, as `npm install` takes them: the majors (before 1.0 the
 * minors) of `peerDependencies`. Those of one line are needed together.
 */
const optional = [
  { "@aws-sdk/client-kms": "3", "@aws-sdk/credential-providers": "3" },
  { "@aws-sdk/client-s3": "3" },
  { "@azure/identity": "4", "@azure/core-rest-pipeline": "1" },
  { "@google-cloud/storage": "7" },
  { "@grpc/grpc-js": "1", "@grpc/proto-loader": "0.8" },
  { "@kubernetes/client-node": "1" },
  { "google-auth-library": "10" },
  { pg: "8" },
] as const;

type KeysOf<T> = T extends unknown ? keyof T : never;
export type OptionalPackage = KeysOf<(typeof optional)[number]>;

/** This file's folder; undefined in what some bundlers make. */
const here: string | undefined = import.meta.dirname;

/** The line that installs a package, with all that it needs beside it. */
export function installLine(name: OptionalPackage): string {
  const together: Readonly<Record<string, string>> =
    optional.find((packages) => name in packages) ?? {};
  const words = Object.entries(together).map(([other, release]) => `${other}@${release}`);
  return ["npm install", ...(isGlobal(here) ? ["--global"] : []), ...words].join(" ");
}

/** Is this file in npm's own tree of programs, to which no project's package.json belongs? */
function isGlobal(folder = ""): boolean {
  const [tree] = folder.split(`${sep}node_modules${sep}`);
  return tree !== undefined && tree !== folder && !existsSync(join(tree, "package.json"));
}

/** A package that does not come with sopsmith and is not installed. Exit 1. */
export class MissingPackage extends SopsmithError {
  /** What to do, without a full stop, for a message that goes on. */
  readonly remedy: string;

  constructor(name: OptionalPackage, cause: unknown) {
    const line = installLine(name);
    super("package-missing", 1, `the package ${name} is not installed`, {
      hint: `Install it: ${line}`,
      cause,
    });
    this.remedy = `install it with ${line}`;
  }
}

/**
 * What to do where the import of an optional package fails: `await import("pg").catch(absent("pg"))`. Bundlers let an import that is
 * followed by `catch` name a package that is not there.
 *
 * @throws {MissingPackage}
 */
export function absent(name: OptionalPackage): (error: unknown) => never {
  return (error) => {
    if (systemCode(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new MissingPackage(name, error);
  };
}
