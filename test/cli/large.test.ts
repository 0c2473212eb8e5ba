import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { counterpart } from "../counterparts.ts";
import { alice } from "../keys/fake-host.ts";
import { Sandbox } from "./sandbox.ts";

// Files with so many values that they go through batches.

interface Service {
  [key: string]: string | number | boolean | string[];
}

/** From its position, values of all types and lengths, Unicode in keys and values. */
function service(index: number): Service {
  return {
    name: `service ${index}`,
    [`clé ${index % 7}`]: "é€😀".repeat(index % 40),
    token: "0123456789abcdef".repeat(index % 9),
    long: index % 100 === 0 ? "line\n".repeat(400) : "short",
    port: (index - 300) * 7919,
    weight: index / 8 + 0.0625,
    enabled: index % 3 === 0,
    hosts: [`a${index}`, "b", ""],
  };
}

const services = Object.fromEntries(
  Array.from({ length: 700 }, (_, index) => [`service_${index}`, service(index)]),
);
let box: Sandbox;

const sops = (args: readonly string[]): string =>
  execFileSync(counterpart("sops"), args, {
    cwd: box.dir,
    env: { ...box.env, SOPS_AGE_KEY: alice.identity },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });

async function ours(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await box.run(args, { env: { SOPS_AGE_KEY: alice.identity } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

beforeAll(async () => {
  box = new Sandbox({ "plain.json": JSON.stringify(services) });
  // The same as YAML with comments, which no other format has.
  box.write("sealed.json", await ours(["encrypt", "--age", alice.recipient, "plain.json"]));
  const yaml = await ours(["decrypt", "--output-type", "yaml", "sealed.json"]);
  box.write("plain.yaml", yaml.replaceAll(/^( *port: )/gm, "    # the port\n$1"));
});
afterAll(() => box.remove());

test.each(["json", "yaml"])("a large %s file opens in real sops and back", async (format) => {
  const plain = `plain.${format}`;
  const seal = ["encrypt", "--age", alice.recipient, plain];
  box.write(`ours.${format}`, await ours(seal));
  box.write(`theirs.${format}`, sops(seal));
  const expected = sops(["decrypt", `theirs.${format}`]);
  expect(await ours(["decrypt", `theirs.${format}`])).toBe(expected);
  expect(sops(["decrypt", `ours.${format}`])).toBe(expected);
  expect(await ours(["decrypt", `ours.${format}`])).toBe(expected);
});

test("an unchanged value of a large file keeps its ciphertext", async () => {
  const before = await ours(["encrypt", "--age", alice.recipient, "plain.yaml"]);
  box.write("changed.yaml", before);
  await ours(["set", "changed.yaml", '["service_5"]["port"]', "1"]);
  const lines = before.split("\n");
  const changed = box
    .read("changed.yaml")
    .split("\n")
    .flatMap((line, i) => (line === lines[i] ? [] : [line.trim().split(":")[0]]));
  // Both may happen within the same second.
  expect(changed.filter((name) => name !== "lastmodified")).toEqual(["port", "mac"]);
});
