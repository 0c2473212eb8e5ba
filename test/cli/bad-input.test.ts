import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Command, NamedCommand } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands/index.ts";
import type { Flag } from "../../src/cli/flags.ts";
import { rows, type Bad } from "./bad-input.rows.ts";
import { sandboxFor, words } from "./rows.ts";
import { identities, plain, sealed } from "./samples.ts";

/**
 * Bad input for each command: one clear message, the documented status, nothing on stdout, nothing changed on disk
 * (spec cli 3). What the command line itself can have wrong is tried for every command there is; what a file can have
 * wrong is in the table beside this file.
 */
const files: Readonly<Record<string, string | Uint8Array>> = {
  ...plain,
  ...sealed,
  "tampered.yaml": (sealed["sealed.yaml"] ?? "").replace(/ *- ENC\[[^\n]*\n/, ""),
  "cut.json": (sealed["sealed.json"] ?? "").slice(0, -3),
  "broken.yaml": (sealed["sealed.yaml"] ?? "").replace(/(secret: ENC\[AES256_GCM,data:)./, "$1_"),
  "nokeys.yaml":
    "a: 1\nsops:\n  mac: x\n  lastmodified: '2024-01-01T00:00:00Z'\n  version: 3.9.0\n",
  "config.yaml": "creation_rules: [{path_regex: '('}]\n",
  "list.yaml": "- 1\n",
  "updating.conf": "creation_rules: [{age: age1}]\n",
  "publishing.conf":
    "destination_rules: [{path_regex: yaml$|^.$, s3_bucket: b}, {path_regex: json$}]\n",
};
/** Commands, with those in groups under their whole name. */
const named = commands.flatMap((entry): NamedCommand[] =>
  "commands" in entry
    ? entry.commands.map((inner) => ({ name: `${entry.name} ${inner.name}`, entry: inner }))
    : [{ name: entry.name, entry }],
);
const loaded = await Promise.all(
  named.map(async ({ name, entry }) => ({ name, command: await entry.load() })),
);

/** Flags that are wrong whatever the command does. */
function wrongFlags({ name, command }: { name: string; command: Command }): Bad[] {
  const first = (kind: Flag["kind"]) => command.flags.find((flag) => flag.kind === kind)?.names[0];
  const code = command.usageStatus ?? 1;
  const bad: Bad[] = [
    { line: `${name} --nope`, code, says: /^flag provided but not defined: -nope/ },
    { line: `${name} ---x`, code, says: /^bad flag syntax: ---x/ },
  ];
  const [text, bool, int] = [first("text") ?? first("list"), first("bool"), first("int")];
  if (text !== undefined)
    bad.push({
      line: `${name} --${text}`,
      code,
      says: RegExp(`^flag needs an argument: -${text}`),
    });
  if (bool !== undefined)
    bad.push({
      line: `${name} --${bool}=maybe`,
      code,
      says: RegExp(`^invalid boolean value for -${bool}`),
    });
  if (int !== undefined)
    bad.push({
      line: `${name} --${int}=x`,
      code,
      says: RegExp(`^invalid value for flag -${int}`),
    });
  return bad;
}

const all = [...loaded.flatMap(wrongFlags), ...rows];

test("no line appears twice", () => {
  expect(new Set(all.map((row) => row.line + JSON.stringify([row.env, row.config]))).size).toBe(
    all.length,
  );
});

test.concurrent.each(all.map((row) => [row.line, row.code, row] as const))(
  "sopsmith %s (%d)",
  async (_, code, row) => {
    const box = sandboxFor(identities.A, files);
    try {
      const { stdout, stderr, ...result } = await box.run(words(row.line), {
        stdin: row.stdin ?? "",
        env: {
          GIT_CEILING_DIRECTORIES: "/tmp",
          ...(row.config === undefined ? {} : { SOPS_CONFIG: row.config }),
          ...row.env,
        },
      });
      expect([result.code, stdout], stderr).toEqual([code, ""]);
      expect(stderr).toMatch(row.says);
      // One message, and a line of advice; the report on keys is one of several lines.
      if (code !== 128 && code !== 203)
        expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
      expect(stderr).not.toMatch(/^ {4}at |please report this/m);
      expect(box.names()).toEqual(Object.keys(files).toSorted());
      for (const [name, content] of Object.entries(files))
        expect(readFileSync(box.path(name)).equals(Buffer.from(content)), name).toBe(true);
    } finally {
      box.remove();
    }
  },
);
