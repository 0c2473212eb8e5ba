import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { explainRules, type ExplainedRules } from "../../src/explain/rules.ts";

interface Pair {
  /** The `path_regex` of each rule, in order, on lines 2, 3, …; "" for none. */
  readonly rules: readonly string[];
  readonly file: string;
  /** The working directory; `/repo` or `C:\repo` by default. */
  readonly cwd?: string;
  /** `/repo/.sops.yaml` or `C:\repo\.sops.yaml` by default. */
  readonly config?: string;
  readonly platform?: "linux" | "win32";
}

async function explained({
  rules,
  file,
  platform = "linux",
  ...more
}: Pair): Promise<ExplainedRules> {
  const isWindows = platform === "win32";
  const cwd = more.cwd ?? (isWindows ? String.raw`C:\repo` : "/repo");
  const path = more.config ?? (isWindows ? String.raw`C:\repo\.sops.yaml` : "/repo/.sops.yaml");
  const lines = rules.map(
    (regex) => `  - {${regex === "" ? "" : `path_regex: ${JSON.stringify(regex)}, `}age: age1x}`,
  );
  const text = `creation_rules:\n${lines.join("\n")}\n`;
  const config = await parseConfig(Buffer.from(text), path, () => {});
  return explainRules(config, path, file, { cwd: () => cwd, platform });
}

/** Rules, file, the line of the rule in force, and what is said about the first rule. */
const pairs: readonly (readonly [Pair, number | undefined, string | RegExp | undefined])[] = [
  // Matches.
  [{ rules: [""], file: "a.yaml" }, 2, undefined],
  [{ rules: [String.raw`\.yaml$`], file: "a.yaml" }, 2, '".yaml"'],
  [{ rules: ["^secrets/"], file: "secrets/a.yaml" }, 2, '"secrets/"'],
  [{ rules: ["^secrets/"], file: "a.yaml", cwd: "/repo/secrets" }, 2, '"secrets/"'],
  [{ rules: ["prod|dev"], file: "x/dev.yaml" }, 2, '"dev"'],
  [{ rules: ["[/\\\\]prod[/\\\\]"], file: "x/prod/a" }, 2, '"/prod/"'],
  [{ rules: ["^dev/", "^prod/"], file: "prod/a.yaml" }, 3, undefined],
  [{ rules: ["^/etc/"], file: "/etc/a.yaml" }, 2, '"/etc/"'],
  [{ rules: ["^(?:dev|prod)/.*$"], file: "prod/ä b" }, 2, '"prod/ä b"'],
  // Windows.
  [
    { rules: ["^secrets/"], file: String.raw`secrets\a.yaml`, platform: "win32" },
    undefined,
    /^On Windows, paths have backslashes: write \[\/\\\\\] for each \//,
  ],
  [
    { rules: ["secrets/prod/.*"], file: "secrets/prod/a.yaml", platform: "win32" },
    undefined,
    /^On Windows, paths have backslashes/,
  ],
  [
    { rules: ["^prod/a"], file: String.raw`secrets\prod\a.yaml`, platform: "win32" },
    undefined,
    /^On Windows, paths have backslashes.*Then \^ is wrong too: .*"secrets\\\\prod\\\\a\.yaml"/,
  ],
  [
    { rules: ["^secrets[/\\\\]"], file: String.raw`secrets\a.yaml`, platform: "win32" },
    2,
    JSON.stringify("secrets\\"),
  ],
  [
    {
      rules: [String.raw`^secrets\\`],
      file: String.raw`C:\repo\secrets\a.yaml`,
      platform: "win32",
    },
    2,
    JSON.stringify("secrets\\"),
  ],
  [
    { rules: [String.raw`^secrets\\`], file: "secrets/a.yaml" },
    undefined,
    /^The pattern has backslashes, as on Windows: write \[\/\\\\\]/,
  ],
  [
    { rules: ["^secrets/"], file: String.raw`secrets\a.yaml` },
    undefined,
    /^The path has backslashes, which are part of a name on this system/,
  ],
  [
    { rules: [String.raw`^repo\\`], file: String.raw`D:\other\a.yaml`, platform: "win32" },
    undefined,
    undefined,
  ],
  // Where the path begins.
  [
    { rules: ["^a\\.yaml$"], file: "secrets/a.yaml" },
    undefined,
    /^\^ is the beginning of the path, not of the file's name: "secrets\/a\.yaml"/,
  ],
  [
    { rules: ["^prod/"], file: "secrets/prod/a.yaml" },
    undefined,
    /^Without \^ it would match: the path begins with "secrets\/"\.$/,
  ],
  [
    { rules: ["^prod/"], file: "prod/a.yaml", cwd: "/repo/secrets" },
    undefined,
    /not to the working directory: "secrets\/prod\/a\.yaml"/,
  ],
  [{ rules: ["^/repo/secrets/"], file: "secrets/a.yaml" }, undefined, /not to the root/],
  [{ rules: ["^\\./secrets/"], file: "secrets/a.yaml" }, undefined, /does not begin with/],
  [{ rules: ["^/secrets/"], file: "secrets/a.yaml" }, undefined, /does not begin with/],
  [
    { rules: ["^\\.\\./other/"], file: "../other/a.yaml" },
    undefined,
    /^The file is not below the directory of the configuration/,
  ],
  // Ends, letters, shell patterns.
  [{ rules: ["secrets$"], file: "secrets/a.yaml" }, undefined, /^Without \$ it would match/],
  [{ rules: ["^Secrets/"], file: "secrets/a.yaml" }, undefined, /if case did not matter/],
  [
    { rules: ["secrets/*.yaml"], file: "secrets/a.yaml" },
    undefined,
    /shell pattern.*: \^secrets\/\[\^\/\]\*\\\.yaml\$/,
  ],
  [
    { rules: ["*.yaml"], file: "a.yaml" },
    undefined,
    /shell pattern.*\(\^\|\/\)\[\^\/\]\*\\\.yaml\$/,
  ],
  [{ rules: ["secrets/**"], file: "secrets/x/a.yaml" }, undefined, /shell pattern/],
  [{ rules: ["prod("], file: "prod(/a" }, undefined, /RE2/],
  [{ rules: ["^other/"], file: "secrets/a.yaml" }, undefined, undefined],
  // Several rules.
  [{ rules: ["\\.yaml$", "^prod/"], file: "prod/a.yaml" }, 2, '".yaml"'],
  [{ rules: ["", "^prod/"], file: "prod/a.yaml" }, 2, undefined],
  [{ rules: ["(", "^prod/"], file: "prod/a.yaml" }, undefined, /RE2/],
  [{ rules: ["^prod/", "("], file: "prod/a.yaml" }, 2, '"prod/"'],
];

test("there are at least 30 pairs, with Windows among them", () => {
  expect(pairs.length).toBeGreaterThanOrEqual(30);
  expect(pairs.filter(([{ platform }]) => platform === "win32").length).toBeGreaterThan(4);
});

test.each(
  pairs.map(([pair, ...rest]) => [pair.rules.join(" ; "), pair.file, pair, ...rest] as const),
)("%s and %s", async (_, __, pair, line, said) => {
  const { inForce, rules } = await explained(pair);
  expect(inForce?.line).toBe(line);
  const [first] = rules;
  const text = first?.matched === undefined ? first?.hint : JSON.stringify(first.matched.text);
  if (said instanceof RegExp) expect(text).toMatch(said);
  else expect(text).toBe(said);
});

test("a rule that matches after another is shadowed by it", async () => {
  const { rules } = await explained({
    rules: ["\\.yaml$", "^dev/", "^prod/"],
    file: "prod/a.yaml",
  });
  expect(rules.map(({ state }) => state)).toEqual(["in force", "no match", "shadowed"]);
  expect(rules[2]?.hint).toBe(
    "The creation rule on line 2 comes first, and only the first match counts.",
  );
});

test("tells how far into a pattern the path goes", async () => {
  const { rules } = await explained({
    rules: ["^secrets/prod/.*\\.yaml$", "^x"],
    file: "secrets/dev/a.yaml",
  });
  expect(rules.map(({ reaches }) => reaches)).toEqual(["^secrets/", ""]);
});

test("the matched text is absolute for a file outside, and below the configuration for one inside", async () => {
  expect(await explained({ rules: [""], file: "x/a" })).toMatchObject({
    subject: "x/a",
    isBelow: true,
  });
  expect(await explained({ rules: [""], file: "../a" })).toMatchObject({
    subject: "/a",
    isBelow: false,
  });
  const windows = { rules: [""], file: "x/a", platform: "win32" } as const;
  expect(await explained(windows)).toMatchObject({ subject: String.raw`x\a`, isBelow: true });
});
