import { expect, test } from "vitest";
import { changeText, decryptText, encryptText } from "../verbs.ts";
import {
  expectForgeriesHarmless,
  expectSopsReads,
  keepAndOpen,
  keepMany,
  runSops,
  set,
  unset,
} from "./flat-formats.ts";

const format = "dotenv";
const layout = "keep";

const texts: Readonly<Record<string, string>> = {
  "blank lines": "\n\nA=1\n\n# c\n\n\nB=2\n\n",
  "no line break at the end": "A=1\nB=2",
  "a comment at the end": "A=1\n\n# c",
  "comments between": "# a\n#b\n#\nA=1\n## c\nB=\n#  d  \n",
  "what belongs to names and values": `export A = "x" # y\nB='q'\nC=a\\nb\n`,
  "what stays unencrypted": "A_unencrypted=1\n\nB=2\n",
  "variables that come twice": "A=1\n\nA=2\nA=1\n",
  "text of its own marker": "A=sops_sopsmith_layout=1\n\n#sops_sopsmith_layout=1\n",
};

test.each(Object.entries(texts))(
  "a kept ENV file comes back byte for byte: %s",
  async (_, text) => {
    const { outcome, sealed } = await keepAndOpen(format, text);
    expect(outcome).toBe("kept");
    expect(sealed).toMatch(/^sops_sopsmith_layout=1( no-eol)?$/m);
    expect(await decryptText(sealed, { format })).toBe(
      await decryptText(await encryptText(text, { format }), { format }),
    );
  },
);

test.each([
  ["carriage returns", "A=1\r\nB=2\r\n", /carriage returns/],
  ["a byte order mark", "\ufeffA=1\n", /byte order mark/],
  ["bytes that are not UTF-8", Buffer.from([65, 61, 0xff, 10]), /UTF-8/],
  ["comments alone", "# a\n\n", /no variables/],
])("a text that cannot keep its layout says why: %s", async (_, text, reason) => {
  expect((await keepAndOpen(format, text)).outcome).toMatch(reason);
});

test("600 random texts come back byte for byte, except those with carriage returns and the like", async () => {
  const { counts, wrong } = await keepMany(format, 600);
  expect(wrong).toEqual([]);
  expect(counts.get("kept")).toBeGreaterThan(300);
  for (const name of [
    "kept",
    "refused",
    "it has carriage returns",
    "it is not UTF-8",
    "it has no variables",
    "it begins with a byte order mark",
  ])
    counts.delete(name);
  expect([...counts]).toEqual([]);
});

test.each(["sops", "sops311"] as const)(
  "real %s reads kept files without a warning",
  async (program) => {
    for (const text of Object.values(texts))
      await expectSopsReads(program, format, text, await encryptText(text, { format, layout }));
    const sealed = await encryptText("A=1\n\nB=2", { format, layout });
    const { code, stderr, file } = await runSops(program, format, sealed, "set", '["B"]', '"x"');
    expect([code, stderr]).toEqual([0, ""]);
    expect(file).not.toContain("sopsmith");
    expect(await decryptText(file, { format, layout })).toBe("A=1\nB=x\n");
  },
);

const own = "# top\nA=1\n\nB=2 \n# end\n\nC=3";

test.each([
  ["a value", "B", "x\ny", own.replace("2 ", "x\\ny")],
  ["a number", "B", 5432, own.replace("2 ", "5432")],
  ["a new variable", "D", "x", `${own}\nD=x`],
] as const)("set changes only its own value: %s", async (_, name, value, wanted) => {
  expect(await set(format, await encryptText(own, { format, layout }), [name], value)).toBe(wanted);
});

test.each([
  ["the first", "A", own.replace("A=1\n", "")],
  ["one between", "B", own.replace("B=2 \n", "")],
  ["the last", "C", own.replace("\nC=3", "")],
] as const)("unset removes only its own value: %s", async (_, name, wanted) => {
  expect(await unset(format, await encryptText(own, { format, layout }), [name])).toBe(wanted);
});

test("a file that is sealed again keeps every line except those of time and MAC", async () => {
  const sealed = await encryptText(own, { format, layout });
  const again = (await changeText(sealed, () => true, { format, layout })) ?? "";
  const lines = new Set(sealed.split("\n"));
  expect(
    again
      .split("\n")
      .filter((line) => !lines.has(line) && !/^sops_(?:lastmodified|mac)=/.test(line)),
  ).toEqual([]);
});

test("no comment is left readable", async () => {
  const sealed = await encryptText("# planted\nA=1\n#planted\n\n#\tplanted", { format, layout });
  expect(sealed).not.toContain("planted");
});

test("a forged layout gives the same values or an error, never others", async () => {
  expect(await expectForgeriesHarmless(format, 120)).toBeGreaterThan(100);
});
