import { parseEncryptionContext, withAwsSettings } from "../keys/aws-kms/aws-kms.ts";
import { providers } from "../keys/index.ts";
import type { KeyProvider, MasterKey } from "../keys/provider.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import type { ListFlag, TextFlag } from "./flags.ts";

/** The options that one type of master key brings. */
export interface KeyFlags {
  readonly provider: KeyProvider;
  /** `--age`: the keys to encrypt to. */
  readonly to: TextFlag;
  /** `--age` of groups add: may be repeated. */
  readonly group: ListFlag;
  /** `--add-age` of rotate. */
  readonly add: TextFlag;
  /** `--rm-age` of rotate. */
  readonly remove: TextFlag;
}

/** In the order in which keys from flags are in their group (spec cli 4.6). */
export const keyFlags: readonly KeyFlags[] = providers
  .toSorted((a, b) => a.order.flags - b.order.flags)
  .map((provider) => {
    const { flag, shortFlag, env, label, plural: keys = `${label} keys` } = provider;
    return {
      provider,
      to: {
        kind: "text",
        names: shortFlag === undefined ? [flag] : [flag, shortFlag],
        env,
        about: `comma-separated ${keys} to encrypt to`,
      },
      group: {
        kind: "list",
        names: [flag],
        about: `${keys} of the new group; may be repeated`,
      },
      add: {
        kind: "text",
        names: [`add-${flag}`],
        about: `comma-separated ${keys} to add`,
      },
      remove: { kind: "text", names: [`rm-${flag}`], about: `comma-separated ${keys} to remove` },
    };
  });

/**
 * What `--aws-profile` and `--encryption-context` say.
 *
 * @throws {SopsmithError} exit 6
 */
export function awsSettings({ options }: Call): {
  profile: string;
  context: ReturnType<typeof parseEncryptionContext>;
} {
  return {
    profile: options.text(flags.awsProfile),
    context: parseEncryptionContext(options.text(flags.encryptionContext)),
  };
}

/** The keys that the text of one of these flags names, with the settings that flags beside it make. */
export async function keysNamed(
  call: Call,
  provider: KeyProvider,
  text: string,
): Promise<MasterKey[]> {
  const settings = awsSettings(call);
  const keys = await provider.parse(text, call.host);
  return keys.map((key) => withAwsSettings(key, settings));
}
