import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { alice, bob, eightCommits, repository } from "../../people/repository.ts";
import { sealed } from "../samples.ts";

const lines = (text: string): string[] => text.trimEnd().split("\n");

/** `dev/a.yaml` lacks bob; `prod/` needs both; `stage/` is bob's alone. */
function team() {
  const repo = repository({
    ".sops.yaml": `keys:
  - &alice ${alice} # laptop
  - &bob ${bob}
creation_rules:
  - path_regex: ^prod/
    key_groups:
      - age: [*alice]
      - age: [*bob]
  - path_regex: ^stage/
    age: *bob
  - key_groups:
      - age:
          - *alice
          - *bob
`,
  });
  for (const name of ["dev/a.yaml", "dev/b.yaml", "prod/a.yaml", "prod/x/b.yaml", "stage/c.env"]) {
    repo.write(name, name.endsWith("env") ? "a=1\n" : "a: 1\n");
    repo.sops("encrypt", "-i", name);
  }
  repo.sops("rotate", "-i", "--rm-age", bob, "dev/a.yaml");
  repo.commit("all", "03-01");
  return repo;
}

test("shows who opens what, folded, with what depends on a single key and what differs from the rule", async () => {
  const { code, stdout, stderr } = await team().box.run(["who"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(lines(stdout)).toEqual([
    "                 alice  bob",
    "dev/a.yaml         ●     ○",
    "dev/b.yaml         ●     ●",
    "prod/ (2 files)    ◐     ◐",
    "stage/c.env        ·     ●",
    "opens              4     4",
    "",
    "● opens alone   ◐ opens only with others   ○ in the rule, cannot open the file",
    "",
    "Lost with one key:",
    "  dev/a.yaml: alice",
    "  prod/ (2 files): alice, or bob",
    "  stage/c.env: bob",
    "",
    "The keys of 1 file do not match the creation rule; run `sopsmith updatekeys` to update them.",
  ]);
});

test("with a name, lists what that person opens, and since when", async () => {
  const repo = team();
  const { code, stdout, stderr } = await repo.box.run(["who", "bob"]);
  expect([code, stderr]).toEqual([0, "bob opens 4 of 5 files\n"]);
  expect(lines(stdout).map((line) => line.split(/ {2,}/).toSpliced(1, 1))).toEqual([
    ["SINCE", "OPENS", "FILE"],
    ["2025-03-01", "alone", "dev/b.yaml"],
    ["2025-03-01", "with others", "prod/a.yaml"],
    ["2025-03-01", "with others", "prod/x/b.yaml"],
    ["2025-03-01", "alone", "stage/c.env"],
  ]);
  const json = await repo.box.run(["who", "--json", "BOB", "stage"]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    file: "stage/c.env",
    opens: "alone",
    inRule: true,
    since: "2025-03-01T12:00:00.000Z",
    author: "Ann Author",
  });
});

test("once somebody was removed, nothing is listed", async () => {
  const { code, stdout, stderr } = await eightCommits().box.run(["who", "bob"]);
  expect([code, stdout, stderr]).toEqual([0, "", "bob opens no file here\n"]);
});

test("somebody who was removed from .sops.yaml is still known by its history", async () => {
  const repo = team();
  const rules = `keys:\n  - &alice ${alice}\ncreation_rules:\n  - age: *alice\n`;
  repo.write(".sops.yaml", rules);
  const { code, stdout, stderr } = await repo.box.run(["who", "bob"]);
  expect([code, stderr]).toEqual([0, "bob opens 4 of 5 files\n"]);
  expect(stdout).toContain("dev/b.yaml  (not in the rule)\n");
  repo.commit("bob left", "04-01");
  repo.sops("rotate", "-i", "--rm-age", bob, "dev/b.yaml");
  expect(await repo.box.run(["who", "bob", "dev"])).toEqual({
    code: 0,
    stdout: "",
    stderr: "bob opens no file here\n",
  });
});

test("a key is as good as a name", async () => {
  const { stdout } = await eightCommits().box.run(["who", alice]);
  expect(stdout).toMatch(/\n2025-01-10 {2}[0-9a-f]{8} {2}alone {2}app\.yaml\n$/);
});

test("a word that is neither a file nor a name is refused with the known names", async () => {
  const { code, stdout, stderr } = await team().box.run(["who", "bop"]);
  expect([code, stdout]).toEqual([100, ""]);
  expect(stderr).toBe(
    '"bop" is not a file here, and not a name or key in .sops.yaml\nThe names are alice, bob.\n',
  );
});

test("a file with that name takes precedence over a person", async () => {
  const repo = team();
  repo.write("bob", "not encrypted\n");
  const { stderr } = await repo.box.run(["who", "bob"]);
  expect(stderr).toBe("no encrypted files found\n");
});

test("writes a picture, and says nothing", async () => {
  const repo = team();
  const result = await repo.box.run(["who", "--svg", "who.svg"]);
  expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(readFileSync(repo.box.path("who.svg"), "utf8")).toMatch(/^<svg [^]*<\/svg>\n$/);
  const shown = await repo.box.run(["who", "--svg", "-", "prod"]);
  expect(shown.stdout).toMatch(/^<svg /);
  const failed = await repo.box.run(["who", "--svg", "none/who.svg"]);
  expect([failed.code, failed.stdout, existsSync(repo.box.path("none"))]).toEqual([3, "", false]);
});

test("JSON has every file with its people and its rule", async () => {
  const { stdout } = await team().box.run(["who", "--json"]);
  const [first] = lines(stdout).map((line) => JSON.parse(line) as unknown);
  expect(lines(stdout)).toHaveLength(5);
  expect(first).toEqual({
    file: "dev/a.yaml",
    groups: 1,
    needed: 1,
    hangsOn: ["alice"],
    differs: true,
    rule: { config: ".sops.yaml", line: 11 },
    people: [
      {
        name: "alice",
        description: "laptop",
        keys: [{ type: "age", id: alice }],
        opens: "alone",
        inRule: true,
      },
      {
        name: "bob",
        description: null,
        keys: [{ type: "age", id: bob }],
        opens: null,
        inRule: true,
      },
    ],
  });
});

test("without a configuration, keys stand for themselves", async () => {
  const repo = repository({ "a.yaml": sealed["sealed.yaml"] ?? "" });
  const { code, stdout } = await repo.box.run(["who"]);
  expect(code).toBe(0);
  expect(lines(stdout)[0]?.trim()).toBe(`${alice.slice(0, 8)}…${alice.slice(-4)}`);
});
