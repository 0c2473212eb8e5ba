import { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import { provider, providers } from "../keys/index.ts";
import { keyInText, type KeyId } from "../people/key-id.ts";
import { quoted } from "./source.ts";

/**
 * The public key that somebody wrote on the command line.
 *
 * @throws {SopsmithError} exit 1 for anything but a public key, and for one that does not fit into a text
 */
export async function publicKey(text: string, host: Host): Promise<KeyId> {
  if (/AGE-(?:SECRET-KEY|PLUGIN)-/i.test(text))
    throw new SopsmithError("secret-key", 1, "this is an identity, the secret half of a key", {
      hint: "Use the recipient, age1…; sopsmith keygen -y prints it.",
    });
  const key = keyInText(text);
  if (key === undefined)
    throw new SopsmithError("not-a-key", 1, `${quoted(text)} is not a public key`, {
      hint: `Give a key of ${providers.map(({ label }) => label).join(", ")}.`,
    });
  // How reports show a key of AWS with its context and profile, which only mappings in key groups can have.
  if (key.type === "kms" && key.id.includes("|"))
    throw new SopsmithError("not-a-key", 1, `${quoted(text)} is more than the ARN of a key`, {
      hint: "Leave out what is after the first |, or write context and aws_profile into .sops.yaml.",
    });
  await provider(key.type).parse(key.id, host);
  return key;
}
