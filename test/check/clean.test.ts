import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import type { Selector, SelectorName } from "../../src/metadata/selection.ts";
import { programUnderTest } from "../cli/program-under-test.ts";
import { Sandbox } from "../cli/sandbox.ts";
import { counterpart } from "../counterparts.ts";
import { Random } from "../fuzz/random.ts";
import { alice } from "../keys/fake-host.ts";
import { encryptBytes } from "../verbs.ts";

const count = 1000;
/** So many of them are made by real sops itself, whose start takes longer than its work. */
const bySops = 60;

const endings = { yaml: "yaml", json: "json", dotenv: "env", ini: "ini", binary: "bin" } as const;
const formats = Object.keys(endings) as FormatName[];

const selectors: readonly (Selector | undefined)[] = [
  undefined,
  ...(
    [
      ["unencrypted_suffix", "_open"],
      ["encrypted_suffix", "_secret"],
      ["unencrypted_regex", "^(name|port)"],
      ["encrypted_regex", "^(pass|data)"],
      ["unencrypted_comment_regex", "open"],
      ["encrypted_comment_regex", "secret"],
    ] as const
  ).map(([name, value]): Selector => ({ name: name satisfies SelectorName, value })),
];

const words = "name port password data user_secret user_open token list nested ünïcode a.b".split(
  " ",
);
const values = [
  "x",
  "",
  "s3cret",
  "a b: c # d",
  "ENC",
  "true",
  "12",
  "1.5e300",
  "ünï ☃",
  "2020-01-02",
];

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)] as T;
}

/** A document of a format, with comments, empty values, nesting and several types; keys do not repeat. */
function document(format: FormatName, random: Random): string | Buffer {
  const keys = words.filter(() => random.below(3) > 0);
  if (keys.length === 0) keys.push("name");
  const comment = pick(random, ["", "# open\n", "# secret\n", "# a note\n"]);
  switch (format) {
    case "binary":
      return Buffer.from(Array.from({ length: 1 + random.below(300) }, () => random.below(256)));
    case "dotenv":
      return comment + keys.map((key) => `${key}=${pick(random, values)}\n`).join("");
    case "ini":
      return ["one", "two"]
        .map(
          (name) =>
            `${comment}[${name}]\n${keys.map((key) => `${key} = ${pick(random, ["x", "12", "true", "s3cret"])}\n`).join("")}`,
        )
        .join("");
    case "json":
    case "yaml": {
      const scalar = () => pick<unknown>(random, [...values, 1, -7, 1.25, true, null, false]);
      const value = (depth: number): unknown => {
        const kind = random.below(depth > 2 ? 1 : 4);
        if (kind === 2) return [scalar(), { name: scalar() }, scalar()];
        if (kind === 3)
          return Object.fromEntries(keys.slice(0, 3).map((key) => [key, value(depth + 1)]));
        return scalar();
      };
      const text = keys.map((key) => [key, value(0)] as const);
      return format === "json"
        ? JSON.stringify(Object.fromEntries(text))
        : text
            .map(([key, item]) => `${comment}${JSON.stringify(key)}: ${JSON.stringify(item)}\n`)
            .join("");
    }
    default:
      return format satisfies never;
  }
}

const box = new Sandbox();
afterAll(() => box.remove());

/** Each selector has a folder with a rule of its own. */
async function makeFiles(): Promise<void> {
  const rules = selectors.map((selector, index) => {
    mkdirSync(box.path(`s${index}`));
    const line = selector === undefined ? "" : `    ${selector.name}: ${selector.value}\n`;
    return `  - path_regex: ^s${index}/\n${line}    age: ${alice.recipient}\n`;
  });
  box.write(".sops.yaml", `creation_rules:\n${rules.join("")}`);
  const sops = counterpart("sops");
  for (let index = 0; index < count; index++) {
    const random = new Random(4711, index);
    const format = formats[index % formats.length] ?? "yaml";
    const which = random.below(selectors.length);
    const selector = selectors[which];
    const source = document(format, random);
    const name = `s${which}/${index}.${endings[format]}`;
    let sealed: Uint8Array;
    if (index < bySops) {
      // The creation rule says how.
      sealed = execFileSync(sops, ["encrypt", "--filename-override", name], {
        input: source,
        cwd: box.dir,
        stdio: ["pipe", "pipe", "ignore"],
      });
    } else {
      sealed = await encryptBytes(source, {
        format,
        selectors: selector === undefined || format === "binary" ? [] : [selector],
      });
    }
    writeFileSync(box.path(name), sealed);
  }
  execFileSync("git", ["init", "--quiet"], { cwd: box.dir });
}

test(`${count} files in five formats and with every selector have no finding, in little time`, async () => {
  await makeFiles();
  const [program, ...first] = programUnderTest;
  const { status, stdout, stderr } = spawnSync(program, [...first, "check", "--strict"], {
    cwd: box.dir,
    env: box.env,
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([0, ""]);
  // The configuration is the one more.
  expect(stderr).toBe(`0 errors, 0 warnings in ${count + 1} files\n`);
  // CPU of the child and of git, in seconds.
  const script = 'cd "$1" && shift && "$@" >/dev/null 2>&1; times';
  const timed = spawnSync("bash", ["-c", script, "bash", box.dir, program, ...first, "check"], {
    env: box.env,
    encoding: "utf8",
  });
  const [, children = ""] = timed.stdout.trim().split("\n");
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => Number(minutes) * 60 + Number(rest),
  );
  expect(seconds).toHaveLength(2);
  const total = seconds.reduce((sum, one) => sum + one, 0);
  // Twice the aim of 1.5 s: other tests run at the same time.
  expect(total).toBeLessThan(3);
});
