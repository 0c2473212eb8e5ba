import { ruleSubject } from "../config/match.ts";
import { noPolicy, type CheckPolicy } from "../config/policy.ts";
import type { Host } from "../io/host.ts";
import type { KeyNames } from "../people/names.ts";
import { mayBeFlux } from "./flux.ts";
import type { Finding, Problem, Rule } from "./rule.ts";
import { rules as allRules } from "./rules/index.ts";
import { readSubject, type Subject } from "./subject.ts";
import type { CheckedConfig, Seen, Tree } from "./tree.ts";

/** The configuration that governs a file. */
export interface Governing extends CheckedConfig {
  /** Of keys, for messages. */
  readonly names: KeyNames;
  readonly policy: CheckPolicy;
}

/** A file to look at. */
export interface CheckedFile {
  /** As it is reported. */
  readonly file: string;
  /** Absolute: what creation rules are matched against. */
  readonly path: string;
  readonly content: Uint8Array;
  /** The commit that it is of. */
  readonly commit?: string | undefined;
}

export interface CheckOptions {
  readonly host: Host;
  /** @param path absolute */
  governing(path: string): Promise<Governing | undefined>;
  /** Configurations by absolute path: no secret files. */
  isConfig(path: string): boolean;
  readonly inputType?: string;
  /** All, where they are not given. */
  readonly rules?: readonly Rule[];
}

/** Applies rules to files, one after the other, and then to all of them together. No key, no network, no input or output. */
export class Check {
  readonly seen: Seen[] = [];
  private readonly options: CheckOptions;
  private readonly rules: readonly Rule[];
  private readonly now: Date;
  private readonly configs = new Set<Governing>();
  private readonly paths = new Map<string, string>();

  constructor(options: CheckOptions) {
    this.options = options;
    this.rules = options.rules ?? allRules;
    this.now = options.host.now();
  }

  /** What the rules for single files find. */
  async file(checked: CheckedFile): Promise<Finding[]> {
    const subject = await this.subject(checked);
    const { file, path, commit } = checked;
    const isSealed = subject.sealed !== undefined || subject.broken !== undefined;
    const { maxAgeDays } = subject.policy;
    this.seen.push({
      file,
      isSealed: isSealed || subject.conflict.length > 0,
      maxAgeDays,
      mayBeFlux: mayBeFlux(subject),
    });
    this.paths.set(file, path);
    const findings: Finding[] = [];
    for (const rule of this.rules)
      for (const problem of (await rule.inFile?.(subject)) ?? [])
        findings.push(finding(rule, { ...problem, file, commit }));
    return this.wanted(findings, path);
  }

  async subject({ file, path, content }: CheckedFile): Promise<Subject> {
    const { governing, isConfig, inputType = "" } = this.options;
    const config = await governing(path);
    if (config !== undefined) this.configs.add(config);
    return readSubject({
      file,
      content,
      isConfig: isConfig(path),
      rule: config?.rules.for(path),
      policy: config?.policy ?? noPolicy,
      now: this.now,
      inputType,
    });
  }

  /** What the rules for all files together find, once every file was looked at. */
  async together(tree: Omit<Tree, "seen" | "configs" | "now" | "platform">): Promise<Finding[]> {
    const { platform } = this.options.host;
    const whole: Tree = {
      ...tree,
      platform,
      seen: this.seen,
      configs: [...this.configs],
      now: this.now,
    };
    const findings: Finding[] = [];
    for (const rule of this.rules)
      for (const problem of (await rule.inTree?.(whole)) ?? [])
        findings.push(finding(rule, problem));
    const kept: Finding[] = [];
    for (const one of findings)
      for (const wanted of await this.wanted([one], this.paths.get(one.file) ?? one.file))
        kept.push(wanted);
    return kept;
  }

  /** Without what the policy lets pass; keys by their names. */
  private async wanted(findings: readonly Finding[], path: string): Promise<Finding[]> {
    if (findings.length === 0) return [];
    const config = await this.options.governing(path);
    if (config === undefined) return [...findings];
    const below = ruleSubject(config.rules.config.path, path, this.options.host);
    const name = below.replaceAll("\\", "/");
    return findings
      .filter(
        ({ rule }) =>
          !config.policy.ignore.some((ignored) => ignored.rule === rule && ignored.matches(name)),
      )
      .map((one) => ({ ...one, message: config.names.inText(one.message) }));
  }
}

function finding(
  { id, severity, fix }: Rule,
  problem: Problem & { readonly file: string; readonly commit?: string | undefined },
): Finding {
  return { severity, fix, ...problem, rule: id };
}

/** By file in the given order, then by line, column and rule. */
export function inOrder(findings: readonly Finding[], files: Iterable<string>): Finding[] {
  const order = new Map([...files].map((file, index) => [file, index]));
  const rank = ({ file }: Finding): number => order.get(file) ?? order.size;
  return findings.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.line - b.line ||
      a.column - b.column ||
      (a.rule < b.rule ? -1 : 1),
  );
}
