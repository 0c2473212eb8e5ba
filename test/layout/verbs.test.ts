import { expect, test } from "vitest";
import { set, unset } from "./edits.ts";
import { counterpart } from "../counterparts.ts";
import { RealSops } from "../fuzz/layout.ts";
import { changeText, decryptText, encryptText } from "../verbs.ts";
import { kept } from "./samples.ts";

const layout = "keep";

const own = `# the shop
db:  # main
  user: 'admin'
  "pass": "p\\u00e9ss"   # rotate me

  hosts: [a, "b", 0x10]
  # ports
  ports:
  - 1_000   # first
  - 2_000
  note: |
    one

    two
other: {x: 1, y: 'z'}
last: 1.50
`;

/** Lines of the second text that are not in the first, and the other way round. */
function changedLines(before: string, after: string): { added: string[]; removed: string[] } {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const [inOld, inNow] = [new Set(old), new Set(now)];
  return {
    added: now.filter((line) => !inOld.has(line)),
    removed: old.filter((line) => !inNow.has(line)),
  };
}

test("editing the text changes the lines that were touched, lastmodified and mac", async () => {
  const sealed = await encryptText(own, { layout });
  const edited = own
    .replace("0x10", "0x11")
    .replace("  - 2_000\n", "")
    .replace("last: 1.50\n", "last: 1.50\nnew: 'x'\n");
  const changed = await changeText(sealed, () => Buffer.from(edited), { layout });
  const { added, removed } = changedLines(sealed, changed ?? "");
  // One value changed, one line added; each of hosts, ports and the new value's neighbours keeps its record or loses it with its value.
  expect(added.filter((line) => !/sopsmith-layout|lastmodified|mac:/.test(line))).toHaveLength(2);
  expect(removed.filter((line) => !/sopsmith-layout|lastmodified|mac:/.test(line))).toHaveLength(2);
  expect(await decryptText(changed ?? "", { layout })).toBe(edited);
});

test("a file that is sealed again unchanged keeps every ciphertext and record", async () => {
  const sealed = await encryptText(own, { layout });
  const again = await changeText(sealed, () => true, { layout });
  const { added } = changedLines(sealed, again ?? "");
  expect(added.filter((line) => !/lastmodified|mac:/.test(line))).toEqual([]);
});

test("a new item among items with equal values changes no other line", async () => {
  const items = ["a", "b", "c", "d", "e"].map((name) => `  - name: ${name}\n    port: 80\n`);
  const source = `ports:\n${items.join("")}`;
  const sealed = await encryptText(source, { layout });
  const added = items.toSpliced(2, 0, "  - name: new\n    port: 80\n").toSpliced(4, 1);
  const changed = await changeText(sealed, () => Buffer.from(`ports:\n${added.join("")}`), {
    layout,
  });
  const now = new Set((changed ?? "").split("\n"));
  const gone = sealed.split("\n").filter((line) => !now.has(line));
  const keys = gone.map((line) => line.trim().replace(/:.*/, "").replace("- ", ""));
  expect(keys.filter((key) => key !== "lastmodified")).toEqual(["name", "mac"]);
});

test("one of many equal values in a list changes alone", async () => {
  const items = ["a", "b", "c", "d", "e"].map((name) => `  - name: ${name}\n    port: 80\n`);
  const source = `ports:\n${items.join("")}`;
  const sealed = await encryptText(source, { layout });
  const edited = source.replace("80", "81");
  const changed = (await changeText(sealed, () => Buffer.from(edited), { layout })) ?? "";
  const [old, now] = [sealed.split("\n"), changed.split("\n")];
  const touched = now.flatMap((line, i) => (line === old[i] ? [] : [line.trim().split(":")[0]]));
  expect(touched.filter((key) => key !== "lastmodified")).toEqual(["port", "mac"]);
});

const edits: readonly (readonly [
  string,
  (text: string) => Promise<string>,
  (text: string) => string,
])[] = [
  ["a quoted value", set(["db", "user"], "root"), (text) => text.replace("'admin'", "'root'")],
  [
    "a value in double quotes",
    set(["db", "pass"], 'a"b'),
    (text) => text.replace('"p\\u00e9ss"', '"a\\"b"'),
  ],
  [
    "an element of a flow list",
    set(["db", "hosts", 0], "c, d"),
    (text) => text.replace("[a,", '["c, d",'),
  ],
  ["a number", set(["db", "hosts", 2], 17), (text) => text.replace("0x10", "17")],
  [
    "a literal",
    set(["db", "note"], "x\ny\n"),
    (text) => text.replace("one\n\n    two", "x\n    y"),
  ],
  [
    "a literal that becomes a word",
    set(["db", "note"], "x"),
    (text) => text.replace("|\n    one\n\n    two", "x"),
  ],
  [
    "a value that becomes a mapping",
    set(["last"], { a: 1, b: ["x"] }),
    (text) => text.replace("last: 1.50", "last:\n  a: 1\n  b:\n  - x"),
  ],
  [
    "a new key",
    set(["db", "port"], 5432),
    (text) => text.replace("    two\n", "    two\n  port: 5432\n"),
  ],
  [
    "a new key in a flow mapping",
    set(["other", "w"], "v"),
    (text) => text.replace("'z'}", "'z', w: 'v'}"),
  ],
  [
    "a new element",
    set(["db", "ports", 9], 3),
    (text) => text.replace("- 2_000\n", "- 2_000\n  - 3\n"),
  ],
  [
    "a new element of a flow list",
    set(["db", "hosts", 9], "e"),
    (text) => text.replace("0x10]", "0x10, e]"),
  ],
  ["the first key", unset(["db", "user"]), (text) => text.replace("  user: 'admin'\n", "")],
  ["the last key", unset(["last"]), (text) => text.replace("last: 1.50\n", "")],
  ["a key of a flow mapping", unset(["other", "x"]), (text) => text.replace("x: 1, ", "")],
  ["a last element", unset(["db", "hosts", 2]), (text) => text.replace(", 0x10", "")],
  [
    "a literal and its lines",
    unset(["db", "note"]),
    (text) => text.replace(/ {2}note[^]*two\n/, ""),
  ],
];

test.each(edits)("set and unset change only their own value: %s", async (_, edit, wanted) => {
  const changed = await edit(await encryptText(own, { layout }));
  expect(await decryptText(changed, { layout })).toBe(wanted(own));
});

test.each([
  ["x: 1\nb: |\n  one\n  two", "x: 1\nb: |-\n  one\n  two\nc: new"],
  ["x: 1\nb: >2\n   one", "x: 1\nb: >2-\n   one\nc: new"],
])(
  "a key comes after a block scalar that ends the text without a line break: %j",
  async (text, wanted) => {
    const sealed = await encryptText(text, { layout });
    expect(await decryptText(await set(["c"], "new")(sealed), { layout })).toBe(wanted);
  },
);

test("a change that the text cannot follow loses the layout, with a warning, and no value", async () => {
  const warnings: string[] = [];
  const sealed = await encryptText("a: 'x'\n", { layout });
  const changed = await changeText(
    sealed,
    ([first]) => {
      if (first) first.items = [];
      return true;
    },
    { layout, warn: (message) => void warnings.push(message) },
  );
  expect(warnings.join()).toMatch(/layout is lost/);
  expect(changed).not.toContain("sopsmith-layout");
});

test.each(["sops", "sops311"] as const)(
  "a kept file that real %s changed is a file of sops from then on",
  async (name) => {
    using sops = new RealSops(counterpart(name));
    const path = sops.file("secrets.yaml", await encryptText(own, { layout }));
    await sops.run("set", path, '["db"]["user"]', '"root"');
    const { printed, said } = await sops.decrypt(path);
    expect(said).toBe("");
    expect(await decryptText(await sops.read(path), { layout })).toBe(printed);
    const rotated = sops.file("rotated.yaml", await encryptText(own, { layout }));
    await sops.run("rotate", "--in-place", rotated);
    expect(await sops.read(rotated)).not.toContain("sopsmith-layout");
    expect(await decryptText(await sops.read(rotated), { layout })).toBe(
      (await sops.decrypt(rotated)).printed,
    );
  },
);

test("every sample is read by real sops without a warning", async () => {
  using sops = new RealSops(counterpart("sops"));
  for (const [name, text] of Object.entries(kept)) {
    const path = sops.file("sample.yaml", await encryptText(text, { layout }));
    expect([name, (await sops.decrypt(path)).said]).toEqual([name, ""]);
  }
});

test.each([
  ["a: |\nb: 1\n", set(["a"], "x"), "a: x\nb: 1\n"],
  ["a: |\nb: 1\n", set(["a"], "x\ny\n"), "a: |\n   x\n   y\nb: 1\n"],
  ["m:\n  a: |\nb: 1\n", set(["m", "c"], "x"), "m:\n  a: |\n  c: x\nb: 1\n"],
  ["m:\n  a: >- # c\nb: 1\n", set(["m", "c"], "x"), "m:\n  a: >- # c\n  c: x\nb: 1\n"],
  ["? a\n: 1\n", set(["b"], 2), "? a\n: 1\nb: 2\n"],
  ["m:\n  ? a\n  : 1\nn: 1\n", set(["m", "b"], 2), "m:\n  ? a\n  : 1\n  b: 2\nn: 1\n"],
])("set next to empty block scalars and explicit keys: %j", async (text, edit, wanted) => {
  const changed = await edit(await encryptText(text, { layout }));
  expect(await decryptText(changed, { layout })).toBe(wanted);
});
