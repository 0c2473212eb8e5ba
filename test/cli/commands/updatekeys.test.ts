import { expect, test } from "vitest";
import { checkRows, expectCode, lacks, sandboxFor } from "../rows.ts";
import { identities, plain, sealed } from "../samples.ts";
import { shellProgram } from "../program-under-test.ts";
import { inTerminal } from "../../io/script.ts";
import { rows, A, B, toBoth } from "./updatekeys.rows.ts";

checkRows(rows);

test("reports keys that have been in use for long only in JSON", async () => {
  const box = sandboxFor(identities.A, {
    "old.yaml": (sealed["sealed.yaml"] ?? "").replace(
      "    age:\n",
      `    pgp:\n        - created_at: "2020-02-03T04:05:06Z"\n          enc: x\n          fp: AB\n    age:\n`,
    ),
    ".sops.yaml": `creation_rules:\n  - age: ${A}\n    pgp: AB\n`,
  });
  try {
    const text = await box.run(["updatekeys", "--check", "old.yaml"]);
    expectCode(text, 0);
    expect(text.stderr).not.toContain("WARN");
    const json = await box.run(["updatekeys", "--check", "--json", "old.yaml"]);
    expect(json.stdout).toContain(`"rotationDue":[{"key":"AB","since":"2020-02-03T04:05:06Z"}]`);
    expect(json.stderr).toBe("");
  } finally {
    box.remove();
  }
});

test("a threshold that was lowered is set to the rule's again", async () => {
  const groups = `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [${A}]\n      - age: [${B}]\n      - age: [${A}]\n`;
  const box = sandboxFor(`${identities.A}\n${identities.B}`, { ...plain, ".sops.yaml": groups });
  try {
    expectCode(await box.run(["encrypt", "-i", "plain.yaml"]), 0);
    box.write(".sops.yaml", groups.replace("shamir_threshold: 2", "shamir_threshold: 3"));
    const check = await box.run(["updatekeys", "--check", "plain.yaml"]);
    expectCode(check, 10);
    expect(check.stderr).toContain("plain.yaml: shamir_threshold is 2, but should be 3\n");
    const update = await box.run(["updatekeys", "-y", "plain.yaml"]);
    expectCode(update, 0);
    expect(update.stdout).toContain("+++ shamir_threshold: 3\n--- shamir_threshold: 2\n");
    expect(box.read("plain.yaml")).toMatch(/^ {4}shamir_threshold: 3$/m);
    expectCode(await box.run(["updatekeys", "--check", "plain.yaml"]), 0);
    expectCode(await box.run(["decrypt", "plain.yaml"]), 0);
  } finally {
    box.remove();
  }
});

test("asks in a terminal, with the difference in colours", async () => {
  const box = sandboxFor(identities.A, { ...plain, ...sealed, ...toBoth });
  try {
    const screen = await inTerminal(
      `cd '${box.dir}' && TERM=xterm NO_COLOR= ${shellProgram} updatekeys sealed.yaml`,
      [{ after: "Is this okay? (y/n):", type: "y\r" }],
      box.env,
    );
    expect(screen).toContain(
      `\u001b[4mGroup 1\r\n\u001b[0m    ${A}\r\n\u001b[32m+++ ${B}\r\n\u001b[0m`,
    );
    expect(screen).toContain("synced with new keys");
    lacks("sealed.yaml", sealed["sealed.yaml"] ?? "")(box);
  } finally {
    box.remove();
  }
});
