import { expect, test } from "vitest";
import { staleLayout } from "../../src/check/rules/sm303-stale-layout.ts";
import { readSubject } from "../../src/check/subject.ts";
import { noPolicy } from "../../src/config/policy.ts";
import { kept } from "../layout/samples.ts";
import { encryptText } from "../verbs.ts";

async function found(text: string, file = "a.yaml"): Promise<string[]> {
  const subject = await readSubject({
    file,
    content: Buffer.from(text),
    isConfig: false,
    rule: undefined,
    policy: noPolicy,
    now: new Date(0),
  });
  return [...((await staleLayout.inFile?.(subject)) ?? [])].map(({ message }) => message);
}

test("no file whose layout was kept has a stale marker", async () => {
  for (const sample of Object.values(kept)) {
    const text = await encryptText(String(sample), { layout: "keep" });
    expect(text).toContain("# sopsmith-layout 1");
    expect(await found(text), String(sample)).toEqual([]);
  }
});

test("nor has one of another format", async () => {
  const samples = [
    ["json", '{ "a": 1.0,  "b": "x" }\n'],
    ["dotenv", "# c\n\nA=1\nB='x'\n"],
    ["ini", "; c\n\n[s]\na=1\nb =  x\n"],
  ] as const;
  for (const [format, sample] of samples) {
    const text = await encryptText(sample, { format, layout: "keep" });
    expect(await found(text, `a.${format === "dotenv" ? "env" : format}`), text).toEqual([]);
  }
});
