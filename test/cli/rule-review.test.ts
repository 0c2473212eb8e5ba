import { expect, test } from "vitest";
import { checkRows, expectCode, sandboxFor } from "./rows.ts";
import { identities, plain } from "./samples.ts";
import { rows, A, B } from "./rule-review.rows.ts";

checkRows(rows);

test("a threshold and groups that differ from the rule get a warning from rotate", async () => {
  const groups = (threshold: number, ...keys: string[]) =>
    `creation_rules:\n  - shamir_threshold: ${threshold}\n    key_groups:\n${keys.map((key) => `      - age: [${key}]\n`).join("")}`;
  const box = sandboxFor(`${identities.A}\n${identities.B}`, {
    ...plain,
    ".sops.yaml": groups(2, A, B, A),
  });
  try {
    expectCode(await box.run(["encrypt", "-i", "plain.yaml"]), 0);
    box.write(".sops.yaml", groups(3, A, B, A));
    const lowered = await box.run(["rotate", "-i", "plain.yaml"]);
    expect(lowered).toMatchObject({
      code: 0,
      stderr:
        "WARN: plain.yaml: its shamir_threshold is 2, but the creation rule on line 2 of .sops.yaml has 3\n",
    });
    box.write(".sops.yaml", groups(2, B, B, A));
    const moved = await box.run(["rotate", "-i", "plain.yaml"]);
    expect(moved).toMatchObject({
      code: 0,
      stderr: [
        `${A} is in key groups 1 and 3, but in key group 3`,
        `${B} is in key group 2, but in key groups 1 and 2`,
      ]
        .map((found) => `WARN: plain.yaml: ${found} of the creation rule on line 2 of .sops.yaml\n`)
        .join(""),
    });
    box.write(".sops.yaml", groups(2, A, B));
    const more = await box.run(["rotate", "-i", "--strict", "plain.yaml"]);
    expectCode(more, 1);
    expect(more.stderr).toMatch(
      /^plain\.yaml: it has 3 key groups, but the creation rule on line 2 of \.sops\.yaml has 2\n/,
    );
  } finally {
    box.remove();
  }
});
