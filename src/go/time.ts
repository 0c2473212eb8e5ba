const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)(?:[.,]\d+)?(Z|[+-](\d\d):(\d\d))$/;

/**
 * A time read as Go reads RFC 3339 and written back in seconds: a fraction is dropped, an offset of zero becomes `Z`, any
 * other offset is kept (spec file-format section 4).
 *
 * @returns undefined for text that is no such time
 */
export function normalTime(text: string): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [
    ,
    year = "",
    month = "",
    day = "",
    hour = "",
    minute = "",
    second = "",
    zone = "",
    zoneHour,
    zoneMinute,
  ] = match;
  if (+month < 1 || +month > 12 || +day < 1 || +day > daysIn(+year, +month)) return undefined;
  if (+hour > 23 || +minute > 59 || +second > 59) return undefined;
  if (zoneHour !== undefined && zoneMinute !== undefined && (+zoneHour > 24 || +zoneMinute > 60))
    return undefined;
  const offset = zone.slice(1) === "00:00" ? "Z" : zone;
  return `${year}-${month}-${day}T${hour.padStart(2, "0")}:${minute}:${second}${offset}`;
}

/** The same with the fraction kept: at most 9 digits, no trailing zeros. The form of a `time` leaf. */
export function fullTime(text: string): string | undefined {
  const seconds = normalTime(text);
  const fraction = (/[.,](\d+)/.exec(text)?.[1] ?? "").slice(0, 9).replace(/0+$/, "");
  return seconds === undefined || fraction === ""
    ? seconds
    : `${seconds.slice(0, 19)}.${fraction}${seconds.slice(19)}`;
}

/** An instant as `lastmodified` and `created_at` are written: UTC, seconds, `Z`. */
export function timeText(instant: Date): string {
  return `${instant.toISOString().slice(0, 19)}Z`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
