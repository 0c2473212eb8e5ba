import { posix } from "node:path";
import { readSubject, type Subject } from "../check/subject.ts";
import type { Governing } from "../check/check.ts";
import { noPolicy } from "../config/policy.ts";
import { prefixHere, topLevelIfAny } from "../git/git.ts";
import type { History } from "../people/history.ts";
import type { Call } from "./command.ts";
import { GoverningConfigs } from "./governing-configs.ts";
import { readWorkTree } from "./check-run.ts";
import { warn } from "./warn.ts";

/** An encrypted file of the work tree. */
export interface SecretFile {
  /** From the working directory, for messages. */
  readonly file: string;
  /** From the top of the repository, with `/`; without one, the same as `file`. */
  readonly name: string;
  readonly subject: Subject;
  readonly governing: Governing | undefined;
}

export interface SecretFiles {
  readonly files: readonly SecretFile[];
  /** The top directory of the repository; undefined outside of one. */
  readonly root: string | undefined;
}

/**
 * The encrypted files among the operands, in the directories that they name, or below the working directory. A file that
 * cannot be read gets a warning.
 *
 * @throws {ConfigError} for a configuration that cannot be read
 * @throws {SopsmithError} exit 100 for an operand that is not there
 */
export async function secretFiles(call: Call): Promise<SecretFiles> {
  const { host } = call;
  const configs = new GoverningConfigs(call);
  const root = await topLevelIfAny(host);
  const prefix = root === undefined ? "" : await prefixHere(host);
  const files: SecretFile[] = [];
  const unread: string[] = [];
  const now = host.now();
  for await (const { file, path, content } of readWorkTree(call, unread)) {
    if (configs.isConfig(path)) continue;
    const governing = await configs.for(path);
    const rule = governing?.rules.for(path);
    const known = { isConfig: false, rule, policy: noPolicy, now };
    const subject = await readSubject({ file, content, ...known });
    if (subject.sealed?.metadata === undefined) {
      const reason = subject.sealed?.flaw ?? subject.broken;
      if (reason !== undefined) warn(call.streams, `${file} is left out: ${reason.message}`);
      else if (subject.conflict.length > 0)
        warn(call.streams, `${file} is left out: it has an unresolved merge conflict`);
      continue;
    }
    const name = posix.normalize(prefix + file.replaceAll("\\", "/"));
    files.push({ file, name: root === undefined ? file : name, subject, governing });
  }
  for (const line of unread) warn(call.streams, `cannot read ${line}`);
  return { files, root };
}

/** One line about what the history does not tell, where it does not tell everything. */
export function warnOfReach({ streams }: Call, { reach }: History): void {
  switch (reach) {
    case "whole":
      return;
    case "shallow":
      warn(
        streams,
        "this clone is shallow: values marked with ≥ or ≤ may be older; `git fetch --unshallow` fetches the rest of the history",
      );
      return;
    case "no commits":
      warn(
        streams,
        "nothing is committed here: only the date of each whole file is known, and its values may be older",
      );
      return;
    case "no repository":
      warn(
        streams,
        "this is not a Git repository: only the date of each whole file is known, and its values may be older",
      );
      return;
    default:
      reach satisfies never;
  }
}
