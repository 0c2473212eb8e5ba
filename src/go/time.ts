const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/** The forms that go-yaml tries: `2006-1-2`, `2006-1-2 15:4:5.9`, `2006-1-2T15:4:5.9Z07:00`. */
const YAML_TIME =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?(Z|[-+]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?))?$/;

/**
 * A time read as Go reads RFC 3339 and written back in seconds: a fraction is dropped, an offset of zero becomes `Z`, any
 * other offset is kept (spec file-format section 4).
 *
 * @returns undefined for text that is no such time
 */
export function normalTime(text: string): string | undefined {
  return fullTime(text)?.replace(/\.\d+/, "");
}

/** The same with the fraction kept: at most 9 digits, no trailing zeros. The form of a `time` leaf. */
export function fullTime(text: string): string | undefined {
  const match = RFC3339.exec(text);
  return match === null ? undefined : canonical(match.slice(1));
}

/** The same for a timestamp of YAML, which is UTC where it has no offset. */
export function parseYamlTime(text: string): string | undefined {
  if (text.charCodeAt(4) !== 45) return undefined;
  const match = YAML_TIME.exec(text);
  if (match === null) return undefined;
  const [year, month, day, ...rest] = match.slice(1);
  return canonical([year, month, day, ...(rest[5] === undefined ? rest : rest.slice(5))]);
}

/** @returns undefined where a part is beyond its range */
function canonical(parts: readonly (string | undefined)[]): string | undefined {
  const [year = "", month = "", day = "", hour = "", minute = "", second = ""] = parts;
  const [, , , , , , digits = "", offset = "Z"] = parts;
  if (+month < 1 || +month > 12 || +day < 1 || +day > daysIn(+year, +month)) return undefined;
  if (+hour > 23 || +minute > 59 || +second > 59) return undefined;
  if (offset !== "Z" && (+offset.slice(1, 3) > 24 || +offset.slice(4) > 60)) return undefined;
  const fraction = digits.slice(0, 9).replace(/0+$/, "");
  const zone = offset.slice(1) === "00:00" ? "Z" : offset;
  const [m, d, h, min, s] = [month, day, hour, minute, second].map((part) => part.padStart(2, "0"));
  return `${year}-${m}-${d}T${h}:${min}:${s}${fraction === "" ? "" : `.${fraction}`}${zone}`;
}

/** An instant as `lastmodified` and `created_at` are written: UTC, seconds, `Z`. */
export function timeText(instant: Date): string {
  return `${instant.toISOString().slice(0, 19)}Z`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
