import { mergeSelectors, type CreationRule } from "../config/match.ts";
import { ConfigError, ConflictError } from "../errors.ts";
import type { KeyGroup } from "../keys/provider.ts";
import {
  defaultSelector,
  SELECTOR_LIST,
  type Selector,
  type SelectorName,
} from "../metadata/selection.ts";
import type { Documents } from "../tree/node.ts";
import type { Call } from "./command.ts";
import { creationRule } from "./creation-rule.ts";
import * as flags from "./flags.ts";
import { awsSettings, keyFlags, keysNamed } from "./key-flags.ts";
import type { Source } from "./source.ts";
import type { Stores } from "./formats.ts";

/** How a file is encrypted for the first time. */
export interface SealSettings {
  readonly keyGroups: KeyGroup[];
  /** 0 for all groups. */
  readonly threshold: number;
  /** One at most. */
  readonly selectors: Selector[];
  readonly macOnlyEncrypted: boolean;
  /** Warns of what is left unencrypted, or refuses it. */
  review(documents: Documents, selector: Selector): Promise<void>;
}

/** The flags that say what is encrypted, by the name of the setting. */
const selectorFlags: readonly (readonly [SelectorName, flags.TextFlag])[] = [
  ["unencrypted_suffix", flags.unencryptedSuffix],
  ["encrypted_suffix", flags.encryptedSuffix],
  ["unencrypted_regex", flags.unencryptedRegex],
  ["encrypted_regex", flags.encryptedRegex],
  ["unencrypted_comment_regex", flags.unencryptedCommentRegex],
  ["encrypted_comment_regex", flags.encryptedCommentRegex],
];

/**
 * Flags and variables before the creation rule before defaults (spec cli 4.6–4.8, config 5 and 6).
 *
 * @param usual what the command encrypts where neither flags nor rule say: what the review measures by then
 * @throws {ConflictError} for several settings of what is encrypted
 * @throws {SopsmithError} when there are no keys
 */
export async function sealSettings(
  call: Call,
  source: Source,
  stores: Stores,
  usual: Selector = defaultSelector,
): Promise<SealSettings> {
  const rule = await creationRule(call, source, stores);
  const what = chooseLeaves(call, stores, rule);
  const keyGroups = (await flagGroup(call)) ?? rule?.keyGroups;
  if (keyGroups === undefined)
    throw new ConfigError(
      "config file not found, or has no creation rules, and no keys provided through command line options",
      {
        hint: "Name a recipient with --age or SOPS_AGE_RECIPIENTS, or write a .sops.yaml; sopsmith keygen generates a key.",
      },
    );
  const threshold = call.options.count(flags.threshold) ?? 0;
  return {
    keyGroups,
    threshold: threshold === 0 ? (rule?.threshold ?? 0) : threshold,
    ...what,
    review: async (documents, selector) => {
      const { reviewSelection } = await import("./rule-review.ts");
      const wanted = rule && { ...rule, selector: rule.selector ?? usual };
      await reviewSelection(call, stores, wanted, documents, selector);
    },
  };
}

/** One group of the keys that flags and variables name; undefined when they name none. */
async function flagGroup(call: Call): Promise<KeyGroup[] | undefined> {
  const { options } = call;
  awsSettings(call);
  const named = keyFlags.filter(({ to }) => options.text(to) !== "");
  if (named.length === 0) return undefined;
  const group: KeyGroup = [];
  for (const { provider, to } of named)
    for (const one of await keysNamed(call, provider, options.text(to))) group.push(one);
  return [group];
}

function chooseLeaves(
  { options, globals }: Call,
  { verb }: Stores,
  rule: CreationRule | undefined,
): Pick<SealSettings, "selectors" | "macOnlyEncrypted"> {
  const given = Object.fromEntries(selectorFlags.map(([name, flag]) => [name, options.text(flag)]));
  const selectors = mergeSelectors(given, rule);
  const macOnlyEncrypted = globals.on(flags.macOnlyEncrypted) || rule?.macOnlyEncrypted === true;
  // The verb drops them all for a binary file.
  if (verb.input !== "binary" && selectors.length > 1)
    throw new ConflictError(
      `Error: cannot use more than one of ${SELECTOR_LIST} in the same file`,
      {
        hint: `${selectors.map(({ name }) => name).join(" and ")} are set; settings of the creation rule count too.`,
      },
    );
  return { selectors, macOnlyEncrypted };
}
