import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { counterpart } from "../../counterparts.ts";
import { alice, bob, eightCommits, repository, type Repository } from "../../people/repository.ts";
import { programUnderTest } from "../program-under-test.ts";
import { checkRows } from "../rows.ts";
import { identities } from "../samples.ts";
import { rows } from "./access.rows.ts";

checkRows(rows);

const carol = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";
const names = ["a.yaml", "b.json", "dev/c.env"];

/** Files of alice and bob by plain sops, and a rule with comments. */
function team(): Repository {
  const repo = repository({
    ".sops.yaml": `# Ours\nkeys:\n  - &alice ${alice} # laptop\n  - &bob ${bob} # until June\ncreation_rules:\n  # all of them\n  - path_regex: '' # any\n    age:\n      - *alice # she\n      - *bob\n`,
    "a.yaml": "x: 1\ny: two\n",
    "b.json": `{"x": 1}\n`,
    "dev/c.env": "X=1\n",
  });
  for (const name of names) repo.sops("encrypt", "-i", name);
  repo.commit("init", "01-10");
  return repo;
}

/** What sops says of a file, with one of the keys; undefined where it does not open. */
function decrypted(repo: Repository, name: string, who: "A" | "B"): string | undefined {
  const { status, stdout } = spawnSync(counterpart("sops"), ["decrypt", name], {
    cwd: repo.box.dir,
    env: { PATH: process.env["PATH"], HOME: "/nowhere", SOPS_AGE_KEY: identities[who] },
    encoding: "utf8",
  });
  return status === 0 ? stdout : undefined;
}

/** Every file but Git's, with its content. */
const contents = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !join(entry.parentPath, "/").includes("/.git/"))
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(dir.length + 1), readFileSync(path, "latin1")]),
  );

describe("a history of eight commits by plain sops", () => {
  const expected = [
    {
      file: "app.yaml",
      line: 2,
      path: '["db"]["user"]',
      changed: "2025-01-10",
      author: "Ann Author",
      readableSince: "2025-02-10",
    },
    {
      file: "app.yaml",
      line: 4,
      path: '["api"]',
      changed: "2025-05-10",
      author: "Bob Builder",
      readableSince: "2025-05-10",
    },
    {
      file: "app.yaml",
      line: 5,
      path: '["tok"]',
      changed: "2025-01-10",
      author: "Ann Author",
      readableSince: "2025-02-10",
    },
  ];

  test("revoke --plan gives exactly the values to change, and changes nothing", async () => {
    const { box } = eightCommits();
    const before = contents(box.dir);
    const { code, stdout } = await box.run(["revoke", "--plan", "--json", "bob"]);
    expect(code).toBe(0);
    const plan = JSON.parse(stdout) as { values: Record<string, string>[] };
    expect(
      plan.values.map(({ file, line, path, changed, author, readableSince }) => ({
        file,
        line,
        path,
        changed: changed?.slice(0, 10),
        author,
        readableSince: readableSince?.slice(0, 10),
      })),
    ).toEqual(expected);
    expect(plan).toMatchObject({ files: [], config: [{ file: ".sops.yaml" }] });
    const text = await box.run(["revoke", "--plan", "bob"]);
    expect(text.stdout.match(/^ {2}app\.yaml:.*(?= old)/gm)).toEqual([
      expect.stringMatching(/^ {2}app\.yaml:2: db\.user: \d+ days$/),
      expect.stringMatching(/^ {2}app\.yaml:4: api: \d+ days$/),
      expect.stringMatching(/^ {2}app\.yaml:5: tok: \d+ days$/),
    ]);
    expect(contents(box.dir)).toEqual(before);
  });

  test("when bob was still there, all five values", async () => {
    const repo = eightCommits();
    repo.git("reset", "--quiet", "--hard", "HEAD~3");
    const { stdout } = await repo.box.run(["revoke", "--plan", "bob"]);
    expect(stdout.match(/^ {2}app\.yaml:\d+: \S+(?=: )/gm)).toEqual([
      "  app.yaml:2: db.user",
      "  app.yaml:3: db.pass",
      "  app.yaml:4: api",
      "  app.yaml:6: list[0]",
      "  app.yaml:7: tok",
    ]);
  });

  test("the report is a checklist", async () => {
    const { box } = eightCommits();
    const { code, stderr } = await box.run(["revoke", "--yes", "--report", "bob.md", "bob"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/Git's history can still be opened with the old key/);
    expect(box.read("bob.md")).toMatch(
      /^# Access revoked: bob\n\nValues to change .*\n\n- \[ \] `db\.user` in `app\.yaml:2`: \d+ days old, changed 2025-01-10 \(Ann Author, [0-9a-f]{8}\); readable since 2025-02-10\n- \[ \] `api` .*\n- \[ \] `tok` .*\n\nGit's history, and any other copy of the old files, can still be opened with the old keys\.\n$/,
    );
  });
});

test("revoke removes bob from everything; sops opens the files with alice's key", async () => {
  const repo = team();
  const { box } = repo;
  const before = names.map((name) => decrypted(repo, name, "A"));
  expect(names.map((name) => decrypted(repo, name, "B"))).toEqual(before);
  const old = contents(box.dir);
  const { code, stdout, stderr } = await box.run(["revoke", "--yes", "bob"]);
  expect(stderr).toMatch(
    /^bob can no longer open any of these files\. The files in Git's history can still/,
  );
  expect(code).toBe(0);
  expect(stdout).toContain(`-  - &bob ${bob} # until June\n`);
  expect(names.map((name) => decrypted(repo, name, "A"))).toEqual(before);
  expect(names.map((name) => decrypted(repo, name, "B"))).toEqual(names.map(() => undefined));
  const config = old[".sops.yaml"] ?? "";
  expect(box.read(".sops.yaml")).toBe(
    config.replace(`  - &bob ${bob} # until June\n`, "").replace("      - *bob\n", ""),
  );
  expect(Object.keys(contents(box.dir))).toEqual(Object.keys(old));
  const who = await box.run(["who", "bob"]);
  expect(who.stdout).toBe("");
  const byKey = await box.run(["who", bob]);
  expect([byKey.stdout, byKey.stderr]).toEqual(["", expect.stringContaining("opens no file here")]);
  // The data key is another: what bob remembers opens nothing new.
  const wrapped = (text: string): string[] => text.match(/(?<=iv:)[^,]+/g) ?? [];
  expect(wrapped(box.read("a.yaml")).length).toBe(wrapped(old["a.yaml"] ?? "").length);
  expect(box.read("a.yaml")).not.toContain(/data:[^,]+,/.exec(old["a.yaml"] ?? "")?.[0]);
});

test("grant is the reverse; sops opens the files with both keys", async () => {
  const repo = team();
  const { box } = repo;
  const old = contents(box.dir);
  expect((await box.run(["revoke", "-y", "bob"])).code).toBe(0);
  const { code, stdout } = await box.run(["grant", "--yes", "bob", bob]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^bob \(age1\S+\) gets access to 3 files:\n {2}a\.yaml\n {2}b\.json\n/);
  for (const who of ["A", "B"] as const)
    expect(names.map((name) => decrypted(repo, name, who) === undefined)).toEqual([
      false,
      false,
      false,
    ]);
  expect(box.read(".sops.yaml")).toBe((old[".sops.yaml"] ?? "").replace(" # until June", ""));
  const again = await box.run(["grant", "--yes", "bob", bob]);
  expect(again.stdout).toMatch(/^Nothing to do: bob /);
  const inStep = await box.run(["updatekeys", "--check", "--recursive", "."]);
  expect(inStep.code).toBe(0);
});

test("paths say whose files: a rule of their own, or all that the rule governs", async () => {
  const repo = repository({
    ".sops.yaml": `keys:\n  - &alice ${alice}\n  - &bob ${bob}\ncreation_rules:\n  - path_regex: ^prod/\n    age: [*alice, *bob]\n  - age: [*alice, *bob]\n`,
    "prod/a.yaml": "a: 1\n",
    "prod/b.yaml": "a: 1\n",
    "c.yaml": "a: 1\n",
  });
  for (const name of ["prod/a.yaml", "prod/b.yaml", "c.yaml"]) repo.sops("encrypt", "-i", name);
  repo.commit("init", "01-10");
  const one = await repo.box.run(["revoke", "--yes", "bob", "prod/a.yaml"]);
  expect(one.code).toBe(1);
  expect(one.stderr).toMatch(/line 5 of \.sops\.yaml also governs prod\/b\.yaml/);
  const { code } = await repo.box.run(["revoke", "--yes", "bob", "prod"]);
  expect(code).toBe(0);
  expect(repo.box.read(".sops.yaml")).toContain(`age: [*alice]\n  - age: [*alice, *bob]\n`);
  expect(decrypted(repo, "prod/a.yaml", "B")).toBeUndefined();
  expect(decrypted(repo, "c.yaml", "B")).toBe("a: 1\n");
  const back = await repo.box.run(["grant", "--yes", "bob", bob, "prod"]);
  expect(back.code).toBe(0);
  expect(decrypted(repo, "prod/b.yaml", "B")).toBe("a: 1\n");
});

describe("refuses, and changes nothing", () => {
  const groups = (threshold: number): string =>
    `creation_rules:\n  - shamir_threshold: ${threshold}\n    key_groups:\n      - age: [${alice}]\n      - age: [${bob}]\n`;

  test("a threshold that is larger than the number of groups that are left", async () => {
    const repo = repository({ ".sops.yaml": groups(2), "a.yaml": "a: 1\n" });
    repo.sops("encrypt", "-i", "a.yaml");
    const old = contents(repo.box.dir);
    const { code, stderr } = await repo.box.run(["revoke", "--yes", bob]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^a\.yaml would have 1 key group, but its shamir_threshold is 2\n/);
    expect(contents(repo.box.dir)).toEqual(old);
  });

  test("a file that cannot be opened", async () => {
    const repo = team();
    repo.write("z.yaml", repo.box.read("a.yaml").replace(/(?<=data:)./, "!"));
    const old = contents(repo.box.dir);
    const { code, stderr } = await repo.box.run(["revoke", "--yes", "bob"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("z.yaml");
    expect(contents(repo.box.dir)).toEqual(old);
  });

  test("a directory below that of .sops.yaml, from where other files are not seen", async () => {
    const repo = team();
    const old = contents(repo.box.dir);
    const [program, ...words] = programUnderTest;
    for (const args of [
      ["revoke", "--yes", "bob"],
      ["grant", "--yes", "carol", carol],
    ]) {
      const { status, stderr } = spawnSync(program, [...words, ...args], {
        cwd: repo.box.path("dev"),
        env: { ...repo.box.env },
        encoding: "utf8",
      });
      expect(stderr).toMatch(
        /\.\.\/\.sops\.yaml also governs files outside .*\nRun the command in \.\.,/,
      );
      expect(status).toBe(1);
    }
    expect(contents(repo.box.dir)).toEqual(old);
  });

  test("somebody without a key of the files", async () => {
    const repo = team();
    const old = contents(repo.box.dir);
    const { code } = await repo.box.run(["revoke", "--yes", "bob"], { env: { SOPS_AGE_KEY: "" } });
    expect(code).toBe(128);
    expect(contents(repo.box.dir)).toEqual(old);
  });

  test("a configuration that cannot be spliced: the change is shown as a patch", async () => {
    const repo = team();
    const text = `creation_rules:\n  - age: "${alice},\\x61${bob.slice(1)}"\n`;
    repo.write(".sops.yaml", text);
    const old = contents(repo.box.dir);
    const { code, stderr } = await repo.box.run(["revoke", "--yes", bob]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\.sops\.yaml cannot be changed without changing other parts of it: /);
    expect(stderr).toContain(`\n+++ b/.sops.yaml\n@@ -1,2 +1,2 @@\n creation_rules:\n-  - age: "`);
    expect(stderr).toMatch(/\nMake that change by hand, .* Nothing was written\.\n$/);
    expect(contents(repo.box.dir)).toEqual(old);
  });

  test.skipIf(process.getuid?.() === 0)("a directory that cannot be written to", async () => {
    const repo = team();
    const old = contents(repo.box.dir);
    chmodSync(repo.box.path("dev"), 0o500);
    onTestFinished(() => chmodSync(repo.box.path("dev"), 0o700));
    const { code } = await repo.box.run(["revoke", "--yes", "bob"]);
    expect(code).not.toBe(0);
    expect(contents(repo.box.dir)).toEqual(old);
  });
});

test("grant asks which of several groups gets the key, and uses the one that is named", async () => {
  const repo = repository({
    ".sops.yaml": `creation_rules:\n  - key_groups:\n      - age:\n          - ${alice}\n      - age:\n          - ${alice}\n`,
    "a.yaml": "a: 1\n",
  });
  repo.sops("encrypt", "-i", "a.yaml");
  const asked = await repo.box.run(["grant", "--yes", "bob", bob]);
  expect(asked.code).toBe(1);
  expect(asked.stderr).toMatch(/has 2 key groups, so one must be chosen\nChoose with --group/);
  const { code } = await repo.box.run(["grant", "--yes", "--group", "1", "bob", bob]);
  expect(code).toBe(0);
  expect(repo.box.read(".sops.yaml")).toMatch(/          - age1\S+\n          - \*bob\n$/);
  expect(repo.box.read("a.yaml").split(bob)).toHaveLength(2);
  expect(decrypted(repo, "a.yaml", "A")).toBe("a: 1\n");
  expect((await repo.box.run(["updatekeys", "--check", "a.yaml"])).code).toBe(0);
});

test("a group that becomes empty goes where the threshold allows it", async () => {
  const repo = repository({
    ".sops.yaml": `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [${alice}]\n      - age: [${bob}]\n      - age: [${alice}]\n`,
    "a.yaml": "a: 1\n",
  });
  repo.sops("encrypt", "-i", "a.yaml");
  const { code, stderr } = await repo.box.run(["revoke", "--yes", bob]);
  expect(stderr).toContain("can no longer open any of these files");
  expect(code).toBe(0);
  expect(repo.box.read(".sops.yaml")).not.toContain(bob);
  expect(decrypted(repo, "a.yaml", "A")).toBe("a: 1\n");
});

describe("killed at any moment, all is old or all is new", () => {
  /** Whether bob is still there, file by file. */
  const states = ({ box }: Repository): boolean[] =>
    [".sops.yaml", ...names].map((name) => box.read(name).includes(bob));

  function mustBeWhole(repo: Repository): "old" | "new" {
    const found = new Set(states(repo));
    expect([...found]).toHaveLength(1);
    for (const name of names) expect(decrypted(repo, name, "A")).toBeDefined();
    return found.has(true) ? "old" : "new";
  }

  const strace = counterpart("strace");
  const points = (
    [
      ["link", 4],
      ["fsync", 2],
      ["rename", 4],
      ["unlink", 4],
    ] as const
  ).flatMap(([call, most]) => Array.from({ length: most }, (_, i) => [call, i + 1] as const));

  test.each(points)(
    "by SIGKILL at %s number %i",
    (call, when) => {
      const repo = team();
      const trace = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`];
      const inject = `inject=${call}:signal=SIGKILL:when=${when}`;
      const [program, ...words] = programUnderTest;
      // strace ends when the guard has ended too.
      spawnSync(strace, [...trace, "-e", inject, program, ...words, "revoke", "--yes", "bob"], {
        cwd: repo.box.dir,
        env: { ...repo.box.env },
      });
      expect(["old", "new"]).toContain(mustBeWhole(repo));
    },
    60_000,
  );

  test("by SIGKILL after any time", async () => {
    const seen = new Set<string>();
    const { spawn } = await import("node:child_process");
    const [program, ...words] = programUnderTest;
    const repo = team();
    const start = contents(repo.box.dir);
    for (let wait = 120; wait < 900; wait += 60) {
      for (const [name, text] of Object.entries(start))
        writeFileSync(repo.box.path(name), text, "latin1");
      const child = spawn(program, [...words, "revoke", "--yes", "bob"], {
        cwd: repo.box.dir,
        env: repo.box.env,
        stdio: "ignore",
      });
      const ended = new Promise((resolve) => child.once("close", resolve));
      setTimeout(() => child.kill("SIGKILL"), wait);
      await ended;
      // The guard takes a moment.
      await expect.poll(() => new Set(states(repo)).size, { timeout: 5000 }).toBe(1);
      seen.add(mustBeWhole(repo));
    }
    expect(seen.has("old") || seen.has("new")).toBe(true);
  }, 120_000);

  test("by SIGTERM after any time, with nothing left beside the files", async () => {
    const { spawn } = await import("node:child_process");
    const [program, ...words] = programUnderTest;
    for (const wait of [200, 350, 500]) {
      const repo = team();
      const before = Object.keys(contents(repo.box.dir));
      const child = spawn(program, [...words, "revoke", "--yes", "bob"], {
        cwd: repo.box.dir,
        env: repo.box.env,
        stdio: "ignore",
      });
      const ended = new Promise((resolve) => child.once("close", resolve));
      setTimeout(() => child.kill("SIGTERM"), wait);
      await ended;
      mustBeWhole(repo);
      expect(Object.keys(contents(repo.box.dir))).toEqual(before);
    }
  }, 60_000);
});

test("a name in the history's text cannot steer the terminal or the checklist", async () => {
  const repo = team();
  repo.write("we`ird.yaml", '"k`\\u001b[31m": 1\n');
  repo.sops("encrypt", "-i", "we`ird.yaml");
  repo.commit("x", "02-10", "Eve <img src=x> <eve@example.org>");
  const { stdout } = await repo.box.run(["revoke", "--yes", "--report", "r.md", "bob"]);
  expect(stdout).not.toContain("\u001b");
  expect(repo.box.read("r.md")).not.toContain("\u001b");
  expect(repo.box.read("r.md")).toContain("`` we`ird.yaml:1 ``");
  expect(existsSync(repo.box.path("r.md"))).toBe(true);
  mkdirSync(repo.box.path("d"));
  expect(execFileSync("git", ["status", "--short"], { cwd: repo.box.dir }).toString()).toContain(
    "r.md",
  );
});
