import { expect, test } from "vitest";
import { staleLayout } from "../../src/check/rules/sm303-stale-layout.ts";
import { readSubject } from "../../src/check/subject.ts";
import { noPolicy } from "../../src/config/policy.ts";
import { kept } from "../layout/samples.ts";
import { encryptText } from "../verbs.ts";

async function found(text: string): Promise<string[]> {
  const subject = await readSubject({
    file: "a.yaml",
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
