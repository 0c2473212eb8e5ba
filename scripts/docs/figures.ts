// The measured figures that the README quotes, from bench/RESULTS.md, so that they are never older than the measurement.

/** A row of the first table: what was done, and how long sops and the npm command took, as printed there. */
interface Row {
  readonly work: string;
  readonly sops: string;
  readonly sopsmith: string;
  /** How many times as fast as sops sopsmith is. */
  readonly times: number;
}

const seconds = (text: string): number =>
  text.endsWith(" ms") ? Number(text.slice(0, -3)) / 1000 : Number(text.slice(0, -2));

/** The rows of `bench/RESULTS.md` in which sops was measured too. */
export function measuredRows(results: string): Row[] {
  return [...results.matchAll(/^\| ([^|]+) \| ([\d.]+ m?s) \| [^|]+ \| ([\d.]+ m?s) \|/gm)].map(
    ([, work = "", sops = "", sopsmith = ""]) => ({
      work,
      sops,
      sopsmith,
      times: seconds(sops) / seconds(sopsmith),
    }),
  );
}

/** `488 ms` → `0.49 s` */
const inSeconds = (text: string): string => `${Number(seconds(text).toPrecision(2))} s`;

/**
 * The README's reason about speed, in lines of at most 80 columns.
 *
 * @throws {Error} where the results lack a row that it quotes
 */
export function speedReason(results: string): string {
  const rows = measuredRows(results);
  const row = (work: string): Row => {
    const found = rows.find((one) => one.work === work);
    if (found === undefined) throw new Error(`bench/RESULTS.md has no row "${work}"`);
    return found;
  };
  const yaml = row("YAML, 100k leaves, encrypt");
  const json = row("JSON, 100k leaves, encrypt");
  const many = row("1,000 small files, decrypt");
  const all = [yaml, json, many].map(({ times }) => Math.round(times));
  return `**${Math.min(...all)} to ${Math.max(...all)} times as fast as sops** on large
  files, and on many at once. 100,000 values encrypt in ${inSeconds(yaml.sopsmith)} as YAML
  (sops: ${inSeconds(yaml.sops)}) and ${inSeconds(json.sopsmith)} as JSON (sops: ${inSeconds(json.sops)}); 1,000 files decrypt in
  ${inSeconds(many.sopsmith)} (sops: ${inSeconds(many.sops)}): [measured](bench/RESULTS.md).`;
}

/** The README with the figures of the results. */
export function withFigures(readme: string, results: string): string {
  return readme.replace(
    /<!-- figures -->.*?<!-- \/figures -->/s,
    () => `<!-- figures -->${speedReason(results)}<!-- /figures -->`,
  );
}
