import { ranks, type Check, type Finding } from "./finding.ts";

const NAME = "configuration";

/** The `.sops.yaml` in force: which, why that one, and whether its rules can be used. */
export const checkConfig: Check = async ({ config, file }) => {
  const { loaded, error, rules, why, warnings } = config;
  if (error !== undefined) {
    const [message = ""] = error.message.split("\n");
    const todo = error.hint ?? `Fix the configuration: ${message}.`;
    return [{ name: NAME, state: "problem", text: message, todo, rank: ranks.configBroken }];
  }
  const passedOver = warnings.find((warning) => warning.startsWith("ignoring"));
  if (loaded === undefined || rules === undefined) {
    if (passedOver === undefined) return [{ name: NAME, state: "unused", text: why }];
    return [
      {
        name: NAME,
        state: "problem",
        text: passedOver,
        todo: "Rename .sops.yml to .sops.yaml: sopsmith looks only for that name.",
        rank: ranks.configBroken,
      },
    ];
  }
  const { path, content } = loaded;
  const findings: Finding[] = [];
  if (/AGE-SECRET-KEY-/i.test(Buffer.from(content.text).toString("latin1")))
    findings.push({
      name: NAME,
      state: "problem",
      text: `${path} contains an age identity, the secret half of a key`,
      todo: `Remove the identity from ${path} and make a new key: anyone who has read this file can open everything that is encrypted to that key.`,
      rank: ranks.exposed,
    });
  const ruleCount = content.creationRules?.length ?? 0;
  findings.push({
    name: NAME,
    state: "ok",
    text: `${path}, ${why}, ${ruleCount === 1 ? "1 creation rule" : `${ruleCount} creation rules`}`,
  });
  for (const { line, message } of rules.flaws)
    findings.push({
      name: NAME,
      state: "problem",
      text: `${path}:${line}: ${message}`,
      todo: `Fix line ${line} of ${path}: ${message}.`,
      rank: ranks.configBroken,
    });
  for (const warning of warnings)
    findings.push({
      name: NAME,
      state: "problem",
      text: warning,
      todo: `Fix ${path}: ${warning}.`,
      rank: ranks.config,
    });
  if (file !== undefined) findings.push(ruleFor(file, path, config));
  return findings;
};

function ruleFor(
  { path: absolute, shown, metadata }: { path: string; shown: string; metadata: unknown },
  path: string,
  {
    rules,
    loaded,
  }: {
    rules: Parameters<Check>[0]["config"]["rules"];
    loaded: Parameters<Check>[0]["config"]["loaded"];
  },
): Finding {
  const rule = rules?.for(absolute);
  if (rule !== undefined)
    return {
      name: "rule",
      state: "ok",
      text: `the creation rule on line ${rule.source.line} of ${path} governs ${shown}`,
    };
  if (loaded?.content.creationRules === undefined)
    return { name: "rule", state: "unused", text: `${path} has no creation rules` };
  return {
    name: "rule",
    state: "problem",
    text: `no creation rule in ${path} matches ${shown}`,
    todo: `Add a creation rule to ${path} whose path_regex matches ${shown}, or fix the one that should match: \`sopsmith explain ${shown}\` shows how each compares.`,
    // What is encrypted already opens without a rule.
    rank: metadata === undefined ? ranks.configBroken : ranks.rule,
  };
}
