import type { FormatName } from "../../formats/format.ts";
import { departures, type Departure } from "./departures.ts";
import { sops, sopsmith, type Outcome, type Settings } from "./sides.ts";

/** What is compared; the names say who encrypts and who decrypts. */
export type Check = "encrypt" | "sopsmith → sops" | "sops → sopsmith" | "sopsmith → sopsmith";

export interface Mismatch {
  check: Check;
  wanted: Outcome;
  got: Outcome;
}

export interface Comparison {
  /** Neither program takes the document. */
  refused: boolean;
  mismatches: Mismatch[];
  /** Names of the departures without which there would have been a mismatch. */
  departed: string[];
}

/** What a departure may look at. */
export interface Context {
  source: Buffer;
  /** The encrypted file that is read; empty for "encrypt". */
  sealed: Buffer;
  /** The source as text. */
  text: string;
  format: FormatName;
  settings: Settings;
  /** What sops printed: the document after a round trip, or a refusal. */
  wanted: Outcome;
  got: Outcome;
  check: Check;
}

/** Encrypts with each program and decrypts with the other; real sops's own round trip is what is wanted. */
export async function compare(
  source: Uint8Array,
  format: FormatName,
  settings: Settings,
): Promise<Comparison> {
  const comparison: Comparison = { refused: false, mismatches: [], departed: [] };
  const bytes = Buffer.from(source);
  const judge = (
    check: Check,
    wanted: Outcome,
    got: Outcome,
    sealed: Buffer = Buffer.alloc(0),
  ): void => {
    if (isSame(wanted, got)) return;
    const context: Context = {
      source: bytes,
      sealed,
      text: bytes.toString(),
      format,
      settings,
      wanted,
      got,
      check,
    };
    const names = explain(context);
    if (names) comparison.departed.push(...names);
    else comparison.mismatches.push({ check, wanted, got });
  };
  const [theirs, ours] = await Promise.all([
    sops.encrypt(bytes, format, settings),
    sopsmith.encrypt(bytes, format, settings),
  ]);
  judge("encrypt", shorn(theirs), shorn(ours));
  comparison.refused = theirs.exit !== 0 && ours.exit !== 0;
  if (theirs.exit !== 0 || ours.exit !== 0) return comparison;
  const [wanted, read, opened, own] = await Promise.all([
    sops.decrypt(theirs.out, format),
    sops.decrypt(ours.out, format),
    sopsmith.decrypt(theirs.out, format),
    sopsmith.decrypt(ours.out, format),
  ]);
  judge("sops → sopsmith", wanted, opened, theirs.out);
  judge("sopsmith → sops", wanted, read, ours.out);
  judge("sopsmith → sopsmith", wanted, own, ours.out);
  return comparison;
}

/** The exit status without the output, which differs by its random parts. */
const shorn = (outcome: Outcome): Outcome => ({ ...outcome, out: Buffer.alloc(0) });

const isSame = (wanted: Outcome, got: Outcome): boolean =>
  wanted.exit === got.exit && (wanted.exit !== 0 || wanted.out.equals(got.out));

/** The departures that turn the difference into none; undefined when they do not. */
function explain(context: Context): string[] | undefined {
  const { wanted, got } = context;
  const applicable = departures.filter(
    ({ formats, applies }) => formats.includes(context.format) && applies(context),
  );
  if (wanted.exit !== 0 || got.exit !== 0) {
    const found = applicable.find(({ rewrite }) => rewrite === undefined);
    return found && [found.name];
  }
  const isEqual = (some: readonly Departure[]): boolean => {
    let texts: [string, string] = [wanted.out.toString("latin1"), got.out.toString("latin1")];
    for (const { rewrite } of some) if (rewrite) texts = rewrite(...texts, context);
    return texts[0] === texts[1];
  };
  if (!isEqual(applicable)) return undefined;
  // Only those count without which there would be a difference; the broader ones stand behind the narrower.
  let needed = applicable;
  for (const one of applicable.toReversed()) {
    const others = needed.filter((other) => other !== one);
    if (isEqual(others)) needed = others;
  }
  return needed.map(({ name }) => name);
}
