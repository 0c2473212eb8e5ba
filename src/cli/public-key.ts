import { textTypes } from "../config/new-config.ts";
import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { provider } from "../keys/index.ts";
import { keyInText, type KeyId } from "../people/key-id.ts";
import { quoted } from "./source.ts";

/**
 * The public key that somebody wrote on the command line.
 *
 * @throws {SopsmithError} exit 1 for anything but a public key, or one of a type that must be written into `.sops.yaml` by hand
 */
export async function publicKey(text: string, host: Host): Promise<KeyId> {
  if (/AGE-(?:SECRET-KEY|PLUGIN)-/i.test(text))
    throw new SopsmithError("secret-key", 1, "this is an identity, the secret half of a key", {
      hint: "Use the recipient, age1…; sopsmith keygen -y prints it.",
    });
  const key = keyInText(text);
  if (key === undefined || !textTypes.includes(key.type))
    throw new SopsmithError(
      "not-a-key",
      1,
      `${quoted(text)} is not a public key that can get a name`,
      {
        hint: `Keys of ${textTypes.map((type) => provider(type).label).join(", ")} can; write others into .sops.yaml.`,
      },
    );
  await provider(key.type).parse(key.id, host);
  return key;
}
