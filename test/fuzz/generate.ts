import type { FormatName } from "../../formats/format.ts";
import { binary } from "./generate-binary.ts";
import { dotenv } from "./generate-dotenv.ts";
import { ini } from "./generate-ini.ts";
import { json } from "./generate-json.ts";
import { yaml } from "./generate-yaml.ts";
import { Random } from "./random.ts";
import type { Generator, Sample } from "./sample.ts";
import type { Settings } from "./sides.ts";

export const generators: Record<FormatName, Generator> = { yaml, json, dotenv, ini, binary };

export interface Task extends Sample {
  format: FormatName;
  /** Number of the document; with the seed it gives the same document again. */
  index: number;
  settings: Settings;
}

/** How documents are encrypted, in turn; the plain way is the most frequent. */
const settings: readonly Settings[] = [
  {},
  { selector: { name: "encrypted_regex", value: "^[a-m]" } },
  {},
  { selector: { name: "unencrypted_regex", value: "[0-4]$" } },
  {},
  { selector: { name: "encrypted_suffix", value: "1" } },
  { selector: { name: "unencrypted_suffix", value: "2" } },
  {},
  { selector: { name: "encrypted_comment_regex", value: "[a-f]" } },
  { macOnlyEncrypted: true },
  {},
  { selector: { name: "unencrypted_comment_regex", value: "^ ?[a-f]" } },
  { recipients: 3 },
  { macOnlyEncrypted: true, selector: { name: "encrypted_regex", value: "[b-p]" } },
  { selector: { name: "encrypted_regex", value: "^no key is like this$" } },
];

/** The `index`-th random document of a seed. */
export function task(format: FormatName, seed: number, index: number): Task {
  const sample = generators[format].generate(new Random(seed, index), index);
  const chosen = settings[new Random(seed ^ 0x5e77, index).below(settings.length)] ?? {};
  return { ...sample, format, index, settings: chosen };
}
