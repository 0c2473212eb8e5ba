import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, expect, test } from "vitest";
import { Sandbox } from "../cli/sandbox.ts";
import { counterpart } from "../counterparts.ts";
import { KeyRing } from "../keys/key-ring.ts";

// Key groups of age and PGP keys, by real sops and by sopsmith in turns.

const [a, b] = await Promise.all([generateIdentity(), generateIdentity()]);
const [A, B] = await Promise.all([identityToRecipient(a), identityToRecipient(b)]);
const ring = new KeyRing();
const { fingerprint: P } = ring.makeKey("groups");
const noRing = new KeyRing();
const plain = "user: ann\nlist:\n    - 1\n    - secret: x\n";
const group = (keys: string) => `      - ${keys}\n`;
const config = (threshold: number, ...groups: string[]) =>
  `creation_rules:\n  - shamir_threshold: ${threshold}\n    key_groups:\n${groups.map(group).join("")}`;
const twoOfThree = config(2, `age: [${A}]`, `age: [${B}]`, `pgp: [${P}]`);

const boxes: Sandbox[] = [];
afterAll(() => {
  ring.remove();
  noRing.remove();
  for (const box of boxes) box.remove();
});

type Program = "sops" | "sopsmith";
interface Keys {
  age?: readonly string[];
  pgp?: boolean;
}
const all: Keys = { age: [a, b], pgp: true };

class Bench extends Sandbox {
  constructor(files: Readonly<Record<string, string>>) {
    super({ "p.yaml": plain, ...files });
    boxes.push(this);
  }

  /** @returns stdout, or undefined when the program fails */
  async as(
    program: Program,
    args: readonly string[],
    { age = [], pgp = false }: Keys = all,
  ): Promise<string | undefined> {
    const env = { GNUPGHOME: pgp ? ring.dir : noRing.dir, SOPS_AGE_KEY: age.join("\n") };
    if (program === "sopsmith") {
      const { code, stdout } = await this.run(args, { env });
      return code === 0 ? stdout : undefined;
    }
    try {
      const options = { cwd: this.dir, env: { ...this.env, ...env } };
      return (await promisify(execFile)(counterpart("sops"), args, options)).stdout;
    } catch {
      return undefined;
    }
  }

  async make(program: Program, name: string, args: readonly string[]): Promise<void> {
    const text = await this.as(program, args);
    if (text === undefined) throw new Error(`${program} ${args.join(" ")} failed`);
    this.write(name, text);
  }
}

const turns: readonly (readonly [Program, Program])[] = [
  ["sops", "sopsmith"],
  ["sopsmith", "sops"],
];

test.each(turns)(
  "%s shares the data key among three groups, %s opens with any two",
  async (by, reader) => {
    const box = new Bench({ ".sops.yaml": twoOfThree });
    await box.make(by, "e.yaml", ["encrypt", "p.yaml"]);
    const open = (keys: Keys) => box.as(reader, ["decrypt", "e.yaml"], keys);
    const pairs: Keys[] = [{ age: [a, b] }, { age: [a], pgp: true }, { age: [b], pgp: true }];
    for (const keys of [...pairs, all]) expect(await open(keys)).toBe(plain);
    for (const keys of [{ age: [a] }, { age: [b] }, { pgp: true }])
      expect(await open(keys)).toBeUndefined();
  },
);

test.each(turns)(
  "%s adds a group, %s deletes one, each opens the other's result",
  async (one, two) => {
    const box = new Bench({});
    await box.make(one, "e.yaml", ["encrypt", "--age", A, "p.yaml"]);
    expect(await box.as(one, ["groups", "add", "-i", "-f", "e.yaml", "--pgp", P])).toBe("");
    expect(await box.as(two, ["decrypt", "e.yaml"], { age: [a], pgp: true })).toBe(plain);
    expect(await box.as(two, ["decrypt", "e.yaml"], { age: [a] })).toBeUndefined();
    expect(await box.as(two, ["groups", "add", "-i", "-f", "e.yaml", "--age", B])).toBe("");
    expect(await box.as(one, ["decrypt", "e.yaml"], { age: [b], pgp: true })).toBe(plain);
    expect(await box.as(two, ["groups", "delete", "-i", "-f", "e.yaml", "1"])).toBe("");
    expect(await box.as(one, ["decrypt", "e.yaml"], { age: [a, b] })).toBe(plain);
    expect(await box.as(one, ["decrypt", "e.yaml"], { age: [a], pgp: true })).toBeUndefined();
  },
);

test.each(turns)(
  "%s updates the keys, %s opens with the new ones; both print the same",
  async (one, two) => {
    const box = new Bench({ ".sops.yaml": twoOfThree });
    await box.make(two, "e.yaml", ["encrypt", "--age", A, "p.yaml"]);
    const before = box.read("e.yaml");
    const other = await box.as(two, ["updatekeys", "-y", "e.yaml"]);
    box.write("e.yaml", before);
    expect(await box.as(one, ["updatekeys", "-y", "e.yaml"])).toBe(other);
    expect(await box.as(two, ["decrypt", "e.yaml"], { age: [a] })).toBeUndefined();
    expect(await box.as(two, ["decrypt", "e.yaml"], all)).toBe(plain);
    box.write(".sops.yaml", config(0, `pgp: [${P}]`, `age: [${B}]`));
    const shared = box.read("e.yaml");
    const smaller = await box.as(two, ["updatekeys", "-y", "e.yaml"]);
    box.write("e.yaml", shared);
    expect(await box.as(one, ["updatekeys", "-y", "e.yaml"])).toBe(smaller);
    expect(await box.as(two, ["decrypt", "e.yaml"], { age: [b], pgp: true })).toBe(plain);
  },
);

test.each(turns)("%s rotates what %s made", async (one, two) => {
  const box = new Bench({ ".sops.yaml": twoOfThree });
  await box.make(two, "e.yaml", ["encrypt", "p.yaml"]);
  expect(await box.as(one, ["rotate", "-i", "e.yaml"], { age: [b], pgp: true })).toBe("");
  expect(await box.as(two, ["decrypt", "e.yaml"], { age: [a, b] })).toBe(plain);
});
