import type { CheckedConfig } from "../tree.ts";
import type { Problem, Rule, Severity } from "../rule.ts";

/** A `.sops.yaml` that does not do what it says. */
export const configuration: Rule = {
  id: "SM205",
  name: "configuration",
  severity: "error",
  finds: "a rule or a field of `.sops.yaml` has no effect, or cannot be used",
  why: [
    "Errors are a `path_regex` that does not compile, and a rule whose keys or settings cannot be used. Warnings are fields that no version of sops reads, a rule that is never reached because an earlier one matches all its files, and a rule whose pattern matches no file. The last two are found only when you run `check` without operands, because it must see all files.",
    "On Windows, paths have backslashes, so a pattern with `/` matches nothing there. If the team works on Windows too, set `windows: true` in the policy to report such patterns.",
  ],
  fix: "Correct the line in `.sops.yaml`.",
  example: {
    language: "yaml",
    text: "creation_rules:\n  - path_regex: .*\n    age: age1alice…\n  - path_regex: ^prod/ # never reached\n    age: age1bob…",
  },
  inTree({ configs, isWhole, platform }) {
    const found = configs.flatMap((config) => {
      const { file } = config;
      return [...problems(config, isWhole, platform === "win32")].map((one) => ({ ...one, file }));
    });
    return Promise.resolve(found);
  },
};

function* problems(
  { rules, warnings, isForWindows }: CheckedConfig,
  isWhole: boolean,
  isWindows: boolean,
): Iterable<Problem> {
  const at = (line: number, message: string, severity: Severity): Problem => ({
    line,
    column: 1,
    message,
    severity,
  });
  for (const { line, message } of rules.flaws) yield at(line, message, "error");
  for (const { line, message } of warnings) yield at(line, message, "warning");
  const sources = rules.config.creationRules ?? [];
  for (const [index, { line, pathRegex }] of sources.entries()) {
    const catchAll = sources.findIndex((other) => other.pathRegex === "");
    if (catchAll >= 0 && catchAll < index)
      yield at(
        line,
        `this creation rule is never reached: the one on line ${sources[catchAll]?.line} has no path_regex and matches every file`,
        "warning",
      );
    else if (isWhole && pathRegex !== "" && !rules.flaws.some((flaw) => flaw.line === line)) {
      if (rules.matches[index] === 0)
        yield at(line, "the path_regex of this creation rule matches no file", "warning");
      else if (rules.hits[index] === 0)
        yield at(
          line,
          "this creation rule is never reached: earlier ones match all its files",
          "warning",
        );
    }
    if ((isForWindows || isWindows) && /\//.test(pathRegex) && !pathRegex.includes("\\\\"))
      yield at(
        line,
        String.raw`the path_regex of this creation rule has / and no \\, so it never matches on Windows`,
        "warning",
      );
  }
}
