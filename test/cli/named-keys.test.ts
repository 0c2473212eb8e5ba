import { expect, test } from "vitest";
import { KeyNames } from "../../src/people/names.ts";
import { alice, bob, repository } from "../people/repository.ts";
import { identities } from "./samples.ts";

const short = (key: string): string => `${key.slice(0, 8)}…${key.slice(-4)}`;

/** alice opens the file; the rule wants bob too. */
function setUp() {
  const repo = repository({
    ".sops.yaml": `creation_rules:\n  - age: ${alice}\n`,
    "a.yaml": "a: 1\n",
  });
  repo.sops("encrypt", "-i", "a.yaml");
  repo.write(
    ".sops.yaml",
    `keys:\n  - &alice ${alice}\n  - &bob ${bob}\ncreation_rules:\n  - key_groups:\n      - age: [*alice, *bob]\n`,
  );
  repo.commit("all", "01-01");
  return repo;
}

const env = { SOPS_AGE_KEY: identities.A };

test("for a file that nobody here can open, the report names those who can", async () => {
  const repo = setUp();
  const { code, stderr } = await repo.box.run(["decrypt", "a.yaml"], {
    env: { SOPS_AGE_KEY: identities.B },
  });
  expect(code).toBe(128);
  expect(stderr).toContain(`You have bob (${short(bob)}).`);
  expect(stderr).toContain(`\n  alice (${short(alice)}): FAILED`);
  expect(stderr).not.toContain(alice);
  const several = await repo.box.run(["decrypt", "-i", "a.yaml", "a.yaml/."], {
    env: { SOPS_AGE_KEY: identities.B },
  });
  expect(several.stderr).toContain(`alice (${short(alice)}): FAILED`);
});

test("warnings about recipients, updatekeys and check name people", async () => {
  const repo = setUp();
  const set = await repo.box.run(["set", "a.yaml", '["a"]', "2"], { env });
  expect(set.stderr).toContain(`bob (${short(bob)}) is in the creation rule on line 5`);
  const update = await repo.box.run(["updatekeys", "--dry-run", "a.yaml"]);
  expect(update.stdout).toContain(`    alice (${short(alice)})\n+++ bob (${short(bob)})\n`);
  const check = await repo.box.run(["check", "--rules", "SM201"]);
  expect(check.stdout).toContain(`SM201: bob (${short(bob)}) is missing, but the creation rule`);
  const yes = await repo.box.run(["updatekeys", "--yes", "a.yaml"], { env });
  expect(yes.code).toBe(0);
  const diff = await repo.box.run(["diff"]);
  expect(diff.stdout).toContain(`+ recipient  bob (${short(bob)})\n`);
});

test("machine-readable output keeps the keys", async () => {
  const repo = setUp();
  const update = await repo.box.run(["updatekeys", "--check", "--json", "a.yaml"]);
  expect(update.stdout).toContain(bob);
  const failed = await repo.box.run(["updatekeys", "--yes", "--json", "a.yaml"], {
    env: { SOPS_AGE_KEY: identities.B },
  });
  expect(failed.stderr).toContain(alice);
});

test("a configuration that cannot be read leaves the message as it is", async () => {
  const repo = setUp();
  repo.write(".sops.yaml", "creation_rules: [\n");
  const { code, stderr } = await repo.box.run(["decrypt", "--config", "none.yaml", "a.yaml"]);
  expect(code).not.toBe(0);
  expect(stderr).not.toMatch(/^ {4}at /m);
});

test("only whole keys are replaced", () => {
  const fingerprint = "85D77543B3D624B63CEA9E6DBC17301B491B3F21";
  const arn = "arn:aws:kms:eu-west-1:1:key/k";
  const names = new KeyNames(
    (
      [
        ["age", alice, "alice"],
        ["pgp", fingerprint, "ops"],
        ["kms", arn, "prod"],
      ] as const
    ).map(([type, id, name]) => ({
      key: { type, id },
      name,
      description: undefined,
      source: "anchor",
    })),
  );
  expect(names.inText(`${alice}: no, ${alice}x`)).toBe(`alice (${short(alice)}): no, ${alice}x`);
  expect(names.inText(`${fingerprint}. BC17301B491B3F21`)).toBe(
    "ops (…BC17301B491B3F21). ops (BC17301B491B3F21)",
  );
  expect(names.inText(`use ${arn}+arn:aws:iam::1:role/r, or`)).toBe(
    "use prod (eu-west-1 key/k), or",
  );
  expect(names.inText("nothing here")).toBe("nothing here");
});
