import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, expect, test } from "vitest";
import { reports } from "../../src/check/reports/index.ts";
import { rules } from "../../src/check/rules/index.ts";
import { bob } from "../keys/fake-host.ts";
import { Sandbox } from "../cli/sandbox.ts";
import { configuration, corpus, fine, planted } from "./planted.ts";

const box = new Sandbox();
afterAll(() => box.remove());
const put = (name: string, content: string) => {
  mkdirSync(dirname(box.path(name)), { recursive: true });
  box.write(name, content);
};
put(".sops.yaml", configuration);
for (const [name, content] of Object.entries(fine)) put(name, content);
for (const { name, content, beside = {} } of corpus) {
  put(name, content);
  for (const [other, text] of Object.entries(beside)) put(other, text);
}
execFileSync("git", ["init", "--quiet"], { cwd: box.dir });
const run = (format: string) => box.run(["check", "--format", format]);

test("each planted defect is found, with its rule and line, and nothing else is", async () => {
  const { code, stdout } = await run("json");
  expect(code).toBe(10);
  const found = new Map<string, string[]>();
  for (const text of stdout.trim().split("\n")) {
    const { file, rule, line } = JSON.parse(text) as { file: string; rule: string; line: number };
    found.set(file, [...(found.get(file) ?? []), `${rule}:${line}`].toSorted());
  }
  const wanted = new Map(corpus.map(({ name, found: all }) => [name, all.toSorted()]));
  const all = [...new Set([...found.keys(), ...wanted.keys()])].toSorted();
  expect(Object.fromEntries(all.map((name) => [name, found.get(name) ?? []]))).toEqual(
    Object.fromEntries(all.map((name) => [name, wanted.get(name) ?? []])),
  );
  expect(corpus.length).toBeGreaterThanOrEqual(60);
  // Every rule is in the corpus.
  const seen = new Set([...found.values()].flat().map((text) => text.split(":")[0]));
  expect(rules.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
});

test.each([...reports.keys()])(
  "a report as %s has no planted value, nor one of a file",
  async (format) => {
    const { code, stdout, stderr } = await run(format);
    expect(code).toBe(10);
    for (const secret of [planted, "s3cret", "aHVudGVyMi1wbGFudGVk", bob.identity])
      expect(stdout.includes(secret) || stderr.includes(secret), secret).toBe(false);
  },
);
