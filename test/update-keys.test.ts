import { expect, test } from "vitest";
import type { KeyGroup } from "../src/keys/provider.ts";
import { keyDifference } from "../src/update-keys.ts";
import { map } from "../src/tree/node.ts";
import { identities, recipients, sealed } from "./cli/samples.ts";
import { Sandbox } from "./cli/sandbox.ts";

const groups = (...lists: string[]): KeyGroup[] =>
  lists.map((ids) => [...ids].map((id) => ({ type: "age", id, fields: map([]), enc: undefined })));
const difference = (threshold: number, before: string[], after: string[]) =>
  keyDifference({ keyGroups: groups(...before), shamirThreshold: threshold }, groups(...after));

test("compares groups by position and keys by their ids, whatever their order", () => {
  expect(difference(2, ["ab", "c", "d"], ["bea", "c"])).toEqual({
    threshold: { before: 2, after: 2 },
    groups: [
      { kept: ["b", "a"], added: ["e"], removed: [] },
      { kept: ["c"], added: [], removed: [] },
      { kept: [], added: [], removed: ["d"] },
    ],
    isEmpty: false,
  });
  expect(difference(2, ["ab", "c"], ["ba", "c"]).isEmpty).toBe(true);
});

test.each([
  ["kept", 2, 3, 4, 2],
  ["lowered to the number of groups", 3, 3, 2, 2],
  ["1 for a single group", 2, 2, 1, 1],
  ["left out where the file has none", 0, 1, 3, 0],
  ["all groups where the file had a single one and a threshold of 1", 1, 1, 3, 3],
])("the threshold is %s", (_, threshold, before, after, expected) => {
  const some = (count: number) => Array.from({ length: count }, () => "a");
  const found = difference(threshold, some(before), some(after));
  expect(found.threshold).toEqual({ before: threshold, after: expected });
});

test.each([
  ["the rule's", 2, 3, 3],
  ["the rule's, also where the file has none", 0, 2, 2],
  ["at most the number of groups", 2, 7, 3],
])("with a threshold in the rule, the file's becomes %s", (_, before, ofRule, after) => {
  const keyGroups = groups("a", "b", "c");
  const found = keyDifference({ keyGroups, shamirThreshold: before }, keyGroups, ofRule);
  expect(found).toMatchObject({ threshold: { before, after }, isEmpty: false });
});

test("a file that went from several groups to one can have several again", async () => {
  const box = new Sandbox(
    { "e.yaml": sealed["sealed.yaml"] ?? "" },
    { SOPS_AGE_KEY: `${identities.A} ${identities.B}` },
  );
  try {
    const change = async (...args: string[]) =>
      expect(await box.run(["groups", ...args])).toMatchObject({ code: 0, stderr: "" });
    const add = () => change("add", "-i", "-f", "e.yaml", "--age", recipients.B);
    await add();
    await change("delete", "-i", "-f", "e.yaml", "--shamir-secret-sharing-threshold", "1", "1");
    expect(box.read("e.yaml")).toContain("shamir_threshold: 1\n");
    await add();
    expect(box.read("e.yaml")).toContain("shamir_threshold: 2\n");
    expect(await box.run(["decrypt", "e.yaml"])).toMatchObject({ code: 0 });
  } finally {
    box.remove();
  }
});
