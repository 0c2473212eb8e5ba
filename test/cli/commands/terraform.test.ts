import { mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { checkRows } from "../rows.ts";
import { Sandbox } from "../sandbox.ts";
import { rows } from "./terraform.rows.ts";

checkRows(rows);

test("a directory gives its YAML and JSON files in order, with -R those below it too", async () => {
  const box = new Sandbox();
  try {
    mkdirSync(box.path("d"));
    mkdirSync(box.path("d/sub"));
    for (const [name, label] of [
      ["d/b.yml", "b"],
      ["d/a.yaml", "a"],
      ["d/notes.txt", "no"],
      ["d/sub/c.json", "c"],
    ] as const)
      box.write(name, `{kind: X, metadata: {name: ${label}}}`);
    const labels = async (...args: string[]) =>
      [...(await box.run(["terraform", ...args])).stdout.matchAll(/"(x_\w)"/g)].map(([, l]) => l);
    expect(await labels("d")).toEqual(["x_a", "x_b"]);
    expect(await labels("-R", "d")).toEqual(["x_a", "x_b", "x_c"]);
  } finally {
    box.remove();
  }
});

test("the .tf names an encrypted Secret's file as seen from where the .tf is", async () => {
  const box = new Sandbox({
    "s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {k: x}\nsops: {mac: x}\n",
  });
  try {
    mkdirSync(box.path("tf"));
    await box.run(["terraform", "--secrets", "data", "-f", "s.yaml", "-o", "tf/s.tf"]);
    expect(box.read("tf/s.tf")).toContain('source_file = "../s.yaml"');
  } finally {
    box.remove();
  }
});
