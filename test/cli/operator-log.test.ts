import { expect, test } from "vitest";
import { logMistakes, operatorLog, type LogSettings } from "../../src/cli/operator-log.ts";

const none: LogSettings = { development: false, encoder: "", level: "", timeEncoding: "" };
const now = (): Date => new Date("2026-11-28T12:00:00.250Z");

function lines(settings: Partial<LogSettings>): string[] {
  const written: string[] = [];
  const log = operatorLog({ ...none, ...settings }, now, (line) => written.push(line));
  log("debug", "reconciled", { object: "n/s" });
  log("info", "started");
  log("error", "not ready", { reason: "a\nb" });
  return written;
}

test("lines are JSON from info on", () => {
  expect(lines({}).map((line) => JSON.parse(line) as unknown)).toEqual([
    { level: "info", ts: "2026-11-28T12:00:00.250Z", msg: "started" },
    { level: "error", ts: "2026-11-28T12:00:00.250Z", msg: "not ready", reason: "a\nb" },
  ]);
});

test("the console encoder puts time, level, message and fields between tabs, one line each", () => {
  expect(lines({ encoder: "console" })).toEqual([
    "2026-11-28T12:00:00.250Z\tinfo\tstarted\n",
    '2026-11-28T12:00:00.250Z\terror\tnot ready\t{"reason":"a\\nb"}\n',
  ]);
  expect(lines({ development: true })[0]).toBe(
    '2026-11-28T12:00:00.250Z\tDEBUG\treconciled\t{"object":"n/s"}\n',
  );
  expect(lines({ development: true, encoder: "json" })[0]).toMatch(/^\{/);
});

test.each([
  ["debug", 3],
  ["5", 3],
  ["info", 2],
  ["0", 2],
  ["error", 1],
  ["DEBUG", 3],
  ["Error", 1],
  ["nonsense", 2],
])("level %s lets %d of debug, info and error through", (level, count) => {
  expect(lines({ level })).toHaveLength(count);
});

test.each([
  ["epoch", 1_795_867_200.25],
  ["millis", 1_795_867_200_250],
  ["nano", 1_795_867_200_250_000_000],
  ["rfc3339", "2026-11-28T12:00:00Z"],
  ["rfc3339nano", "2026-11-28T12:00:00.250000000Z"],
  ["iso8601", "2026-11-28T12:00:00.250Z"],
])("times as %s", (timeEncoding, ts) => {
  expect(JSON.parse(lines({ timeEncoding })[0] ?? "")).toMatchObject({ ts });
});

test("unknown settings are reported, and known ones are not", () => {
  expect(logMistakes(none)).toEqual([]);
  expect(logMistakes({ ...none, encoder: "Console", level: "7", timeEncoding: "epoch" })).toEqual(
    [],
  );
  expect(
    logMistakes({ ...none, encoder: "xml", level: "loud", timeEncoding: "sundial" }),
  ).toHaveLength(3);
});
