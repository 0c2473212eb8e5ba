import type { Config, RuleSource } from "../config/config.ts";
import { loadRule, ruleSubject, type CreationRule } from "../config/match.ts";
import { SopsmithError } from "../errors.ts";
import { BadPattern, compileGoRegExp, loadRegExps, type GoRegExp } from "../go/regexp.ts";
import type { Host } from "../io/host.ts";
import { parseSelectors, type Selector } from "../metadata/selection.ts";

/** A creation rule that matches a file. */
export interface RuleInForce {
  readonly source: RuleSource;
  /** Of its file of configuration, as shown. */
  readonly config: string;
  /** It has a `path_regex`, so that it means this file and not just every file. */
  readonly isMeant: boolean;
  /** The first one, where it wrongly sets several. */
  readonly selector: Selector | undefined;
  /** Its keys and settings; undefined where they cannot be used. */
  load(): Promise<CreationRule | undefined>;
}

/** A pattern or a rule that cannot be used. */
export interface RuleFlaw {
  readonly line: number;
  readonly message: string;
}

/** The creation rules of one configuration, compiled once for many files, and what was found wrong with them on the way. */
export class RulesInForce {
  readonly config: Config;
  readonly flaws: RuleFlaw[] = [];
  /** How many files each rule is the first to match, in the order of the rules. */
  readonly hits: number[];
  /** How many files each rule's pattern matches, whatever comes before it. */
  readonly matches: number[];
  private readonly rules: readonly {
    readonly rule: RuleInForce;
    readonly pattern: GoRegExp | undefined;
  }[];
  private readonly host: Host;

  private constructor(config: Config, host: Host) {
    this.config = config;
    this.host = host;
    const sources = config.creationRules ?? [];
    this.hits = sources.map(() => 0);
    this.matches = sources.map(() => 0);
    this.rules = sources.map((source) => ({
      rule: {
        source,
        config: config.path,
        isMeant: source.pathRegex !== "",
        selector: parseSelectors(source.selectors)[0],
        load: once(() => this.load(source)),
      },
      pattern: this.compile(source),
    }));
  }

  static async of(config: Config, host: Host): Promise<RulesInForce> {
    await loadRegExps((config.creationRules ?? []).map(({ pathRegex }) => pathRegex));
    return new RulesInForce(config, host);
  }

  /**
   * The rule for a file: the first that matches; one whose pattern does not compile matches nothing.
   *
   * @param file absolute, or relative to the working directory
   */
  for(file: string): RuleInForce | undefined {
    const subject = ruleSubject(this.config.path, file, this.host);
    let first: RuleInForce | undefined;
    for (const [index, { rule, pattern }] of this.rules.entries()) {
      if (pattern?.test(subject) !== true) continue;
      this.matches[index] = (this.matches[index] ?? 0) + 1;
      if (first !== undefined) continue;
      this.hits[index] = (this.hits[index] ?? 0) + 1;
      first = rule;
    }
    return first;
  }

  /** The rule that is written there, whatever file it matches. */
  of(source: RuleSource): RuleInForce | undefined {
    return this.rules.find(({ rule }) => rule.source === source)?.rule;
  }

  private compile({ pathRegex, line }: RuleSource): GoRegExp | undefined {
    try {
      return compileGoRegExp(pathRegex);
    } catch (error) {
      if (!(error instanceof BadPattern)) throw error;
      this.flaws.push({ line, message: `path_regex does not compile: ${error.message}` });
      return undefined;
    }
  }

  private async load(source: RuleSource): Promise<CreationRule | undefined> {
    try {
      return await loadRule(source, this.config.path, this.host);
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
      const [message = ""] = error.message.split("\n");
      this.flaws.push({
        line: source.line,
        message: `this creation rule cannot be used: ${message}`,
      });
      return undefined;
    }
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
