import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { identities, recipients } from "./samples.ts";
import { Sandbox } from "./sandbox.ts";

const own = `# the shop
db:  # main
  user: 'admin'
  "pass": "p\\u00e9ss"   # rotate me

  hosts: [a, "b", 0x10]
  # ports
  ports:
  - 1_000   # first
  - 2_000
other: {x: 1, y: 'z'}
last: 1.50
`;

const files = {
  "own.yaml": own,
  "own.json": `{ "a" : "x",\n  "list": [1, 2.50],\n\n  "b": {"c": "y"} }`,
  "own.env": "# first\n\nA=x\nB=y",
  "own.ini": "; first\n[s]\n\na=x\nb : y\n; last\n",
};
const names = Object.keys(files);

async function sealedBox(): Promise<Sandbox> {
  const box = new Sandbox(files, { SOPS_AGE_KEY: identities.A, SOPSMITH_LAYOUT: "keep" });
  onTestFinished(() => box.remove());
  expect(await box.run(["encrypt", "-i", "--age", recipients.A, ...names])).toMatchObject({
    code: 0,
  });
  return box;
}

/** Lines that Git counts as added and removed since the commit. */
function numstat(box: Sandbox, name: string): [added: number, removed: number] {
  const [added, removed] = git(box, "diff", "--numstat", name).split("\t").map(Number);
  return [added ?? 0, removed ?? 0];
}

function git(box: Sandbox, ...args: string[]): string {
  const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  return execFileSync("git", [...identity, ...args], { cwd: box.dir, env: box.env }).toString();
}

async function expectPlain(box: Sandbox): Promise<void> {
  for (const [name, text] of Object.entries(files))
    expect(await box.run(["decrypt", name])).toMatchObject({ code: 0, stdout: text });
}

test("edit changes the lines that were edited, and two more", async () => {
  const box = await sealedBox();
  git(box, "init", "-q");
  git(box, "add", ".");
  git(box, "commit", "-qm", "all");
  // One value changed, one element taken out, one key added.
  box.write("edit.sed", `s/'admin'/'root'/\n/2_000/d\n$a new: "x"\n`);
  const EDITOR = `sed -i -f ${box.path("edit.sed")}`;
  expect(await box.run(["edit", "own.yaml"], { env: { EDITOR, TMPDIR: tmpdir() } })).toMatchObject({
    stderr: "",
    code: 0,
  });
  const [added, removed] = numstat(box, "own.yaml");
  const touched = 3;
  expect(added).toBeLessThanOrEqual(touched + 2);
  expect(removed).toBeLessThanOrEqual(touched + 2);
  expect(await box.run(["decrypt", "own.yaml"])).toMatchObject({
    stdout: own.replace("'admin'", "'root'").replace("  - 2_000\n", "") + 'new: "x"\n',
  });
});

test("rotate and updatekeys leave the text of several files as it is", async () => {
  const box = await sealedBox();
  expect(await box.run(["rotate", "-i", ...names])).toMatchObject({ code: 0 });
  await expectPlain(box);
  const before = box.read("own.yaml");
  box.write(".sops.yaml", `creation_rules:\n  - age: ${recipients.A},${recipients.B}\n`);
  expect(await box.run(["updatekeys", "-y", ...names])).toMatchObject({ code: 0 });
  const [, outside] = /^([^]*?\n)sops:\n/.exec(before) ?? [];
  expect(box.read("own.yaml").startsWith(outside ?? "none")).toBe(true);
  await expectPlain(box);
  const again = { ...box.env, SOPS_AGE_KEY: identities.B };
  expect(await box.run(["decrypt", "own.yaml"], { env: again })).toMatchObject({ stdout: own });
});

test("set and unset of several files change only their own values", async () => {
  const box = await sealedBox();
  const set = ["set", "--file", "own.yaml", "own.json", '["new"]', '"v"'];
  expect(await box.run(set)).toMatchObject({ code: 0 });
  const yaml = await box.run(["decrypt", "own.yaml"]);
  expect(yaml.stdout).toBe(`${own}new: v\n`);
  const json = await box.run(["decrypt", "own.json"]);
  expect(json.stdout).toContain(files["own.json"].slice(0, -2));
  for (const name of ["own.yaml", "own.json"])
    expect(await box.run(["unset", name, '["new"]'])).toMatchObject({ code: 0 });
  await expectPlain(box);
});

test("edit says of an INI file what reading drops only where the text is not kept", async () => {
  const box = await sealedBox();
  const edit = (script: string) => {
    box.write("edit.sed", script);
    const EDITOR = `sed -i -f ${box.path("edit.sed")}`;
    return box.run(["edit", "own.ini"], { env: { EDITOR, TMPDIR: tmpdir() } });
  };
  expect(await edit(`s/^a=x/a="x" ; one/\n`)).toMatchObject({ code: 0, stderr: "" });
  const text = files["own.ini"].replace("a=x", 'a="x" ; one');
  expect(await box.run(["decrypt", "own.ini"])).toMatchObject({ stdout: text });
  const lost = await edit("s/^b : y/a=2/\n");
  expect(lost).toMatchObject({ code: 0 });
  expect(lost.stderr).toMatch(/comment dropped: [^]*its layout is lost, [^]*earlier value/);
});
