import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..");

function quickstart(env: Readonly<Record<string, string>>) {
  const temporary = mkdtempSync(join(tmpdir(), "sopsmith-test-"));
  onTestFinished(() => rmSync(temporary, { recursive: true, force: true }));
  const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env;
  const { status, stdout, stderr } = spawnSync("npm", ["run", "--silent", "quickstart"], {
    cwd: root,
    encoding: "utf8",
    env: { ...inherited, TMPDIR: temporary, ...env },
  });
  return {
    status,
    stdout,
    stderr,
    left: readdirSync(temporary).filter((name) => name.startsWith("sopsmith-")),
  };
}

test("the quickstart shows a file before and after on one screen, with every check passed, and leaves nothing", () => {
  const { status, stdout, stderr, left } = quickstart({ FORCE_COLOR: "1" });
  expect({ status, stderr, left }).toEqual({ status: 0, stderr: "", left: [] });
  // In colour.
  expect(stdout).toContain("\u001b[36mENC[");
  const lines = stripVTControlCharacters(stdout).trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(32);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.filter((line) => line.startsWith("✓"))).toHaveLength(6);
  expect(stdout).not.toContain("✗");
  // The layout is there on both sides.
  expect(lines).toContainEqual(
    expect.stringMatching(/^ {2}user: 'shop' {3}# not root {4,}user: 'ENC\[.*\]' {3}#ENC\[/),
  );
  expect(lines).toContainEqual(
    expect.stringMatching(/^ {2}ports: \[5432, 0x1F90\] {4,}ports: \["ENC\[.*\]", "ENC\[.*\]"\]$/),
  );
});

test("it uses no colour if none is wanted, and none of the user's settings", () => {
  const { status, stdout, stderr } = quickstart({
    NO_COLOR: "1",
    SOPS_AGE_RECIPIENTS: "nonsense",
    SOPS_CONFIG: "/nowhere",
    SOPSMITH_LAYOUT: "sops",
  });
  expect({ status, stderr, failed: stdout.match(/^✗.*$/gm) }).toEqual({
    status: 0,
    stderr: "",
    failed: null,
  });
  expect(stripVTControlCharacters(stdout)).toBe(stdout);
});
