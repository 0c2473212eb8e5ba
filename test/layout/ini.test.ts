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

const format = "ini";
const layout = "keep";

const texts: Readonly<Record<string, string>> = {
  "blank lines and no spaces": "\n\n[a]\nk=1\n\n\nl=2\n\n[b]\n\nm=3\n\n\n",
  "spacing, alignment and colons": "[a]\nk   = 1\nlonger: 2\n  in  =  3  \n\tt\t:\t4\t\n",
  "comments above, at the ends of lines and behind sections":
    "# top\n\n[a] ; of a\nk = 1 ; one\n#two\nl = 2\n; above\nm = 3 # behind\n;;  three\nn = 4#x\n",
  "comments behind headers":
    "[a] ; one\nk = 1\n  [b]  # two  \nl = 2\n\n; above\n\n[c];three\nm = 3\n",
  "comments of several lines":
    "; a\n;b\n\n# c\nk = 1\n; d\n;\n; e\nl = 2 ; f\n\n; g\n\n; h\n[s] # i\n",
  "comments behind the last key": "[a]\nk = 1\n\n; one\n#two\n\n  # three\n;\n",
  quotes: '[a]\nk = "x"\nl = \'y z\'\nm = `a;b`\nn = """a`b"""\no = ""\np = "a"b"\n',
  "values over several lines":
    '[a]\nk = a \\\n  b\\\nc\nl = """x\n y\n\n"""  ; c\nm = `one\ntwo`\nn = 1\n',
  "comments after closing quotes":
    '[a]\nk = `x`  ; one\nl = """y""" # two\n[b]\nm = `#z`#three\n; four\nn = `` ;; five  \n',
  "empty values": "[a]\nk =\nl=\nm = ; c\n[b]\n",
  "keys without a section": "k = 1\n; c\nl = 2\n[a]\nm = 3\n",
  "quoted keys": '[a]\n"k" = 1\n`l=x` = 2\n"""m`n""" = 3\n',
  "carriage returns": "[a]\r\nk = 1 ; c\r\n\r\n; d\r\n; e\r\nl = `x`\r\n; f\r\n",
  "no line break at the end": "[a]\nk = 1",
  "a comment at the end without a line break": "[a]\nk = 1\n; c",
  "a byte order mark": "\ufeff[a]\nk = 1\n",
  "what stays unencrypted": "[a]\nk_unencrypted  =  'x' ; c\nl = 2\n",
  "sections that come twice":
    "[Interface]\nPrivateKey=a\n\n# first\n[Peer]\nPublicKey = b\n\n; second\n[Peer] ; c\nPublicKey=d\nPort: 1\n\n[Interface]\n",
  "text of its own marker": "; sopsmith-layout 1\n[a]\nk = `; sopsmith-layout 1`\n",
};

test.each(Object.entries(texts))(
  "a kept INI file comes back byte for byte: %s",
  async (_, text) => {
    const { outcome, sealed } = await keepAndOpen(format, text);
    expect(outcome).toBe("kept");
    expect(sealed).toMatch(/^\[sops\]\r?\n; sopsmith-layout 1(?: no-eol)?\r?$/m);
    const values = (file: string) => decryptText(file, { format, output: "json" });
    expect(await values(sealed)).toBe(await values(await encryptText(text, { format })));
  },
);

test.each([
  ["a key that comes twice", "[a]\nk = 1\nk = 2\n", /earlier value/],
  ["text after a quoted value", "[a]\nk = `x` y\n", /after the closing quote/],
  ["text after a header", "[a] secret ; c\nk = 1\n", /after a header/],
  [
    "text behind a quoted value on its last line",
    '[a]\nk = """x\ny""" secret # c\n',
    /closing quote/,
  ],
  ["bytes that are not UTF-8", Buffer.from("[a]\nk = \xff\n", "latin1"), /UTF-8/],
  ["no keys", "; a\n", /no keys/],
])("a text that cannot keep its layout says why: %s", async (_, text, reason) => {
  expect((await keepAndOpen(format, text)).outcome).toMatch(reason);
});

test("900 random texts come back byte for byte, except those from which sops loses something too", async () => {
  const { counts, wrong } = await keepMany(format, 900);
  expect(wrong).toEqual([]);
  expect(counts.get("kept")).toBeGreaterThan(400);
  const reasons =
    /^(?:kept|refused|it is not UTF-8|it has no keys|line \d+: (?:an earlier value|text after))/;
  for (const name of counts.keys()) if (reasons.test(name)) counts.delete(name);
  expect([...counts]).toEqual([]);
});

test.each(["sops", "sops311"] as const)(
  "real %s reads kept files without a warning",
  async (program) => {
    for (const text of Object.values(texts))
      await expectSopsReads(program, format, text, await encryptText(text, { format, layout }));
    const sealed = await encryptText("[a]\nk=1\n\n; c", { format, layout });
    const { code, stderr, file } = await runSops(
      program,
      format,
      sealed,
      "set",
      '["a"]["k"]',
      '"x"',
    );
    expect([code, stderr]).toEqual([0, ""]);
    expect(file).not.toContain("sopsmith");
    expect(await decryptText(file, { format, layout })).toBe("[a]\nk = x\n");
  },
);

const own = "[a]\nk      = 'x' ; one\nlonger = 2\n\n; of b\n[b]\nm=1\n\n; end";

test.each([
  ["a value in quotes", ["a", "k"], "y z", own.replace("'x'", "'y z'")],
  ["a number", ["b", "m"], 5, own.replace("m=1", "m=5")],
  ["a new key that is aligned", ["a", "n"], "x", own.replace("= 2\n", "= 2\nn      = x\n")],
  ["a new key without spaces", ["b", "n"], "a;b", own.replace("m=1\n", "m=1\nn=`a;b`\n")],
  ["a new key before all sections", ["DEFAULT", "n"], "x", `n = x\n\n${own}`],
  ["a new section", ["c"], { d: "e" }, `${own}\n\n[c]\nd=e`],
] as const)("set changes only its own value: %s", async (_, path, value, wanted) => {
  expect(await set(format, await encryptText(own, { format, layout }), [...path], value)).toBe(
    wanted,
  );
});

test.each([
  ["a key", ["a", "k"], own.replace(/^k .*\n/m, "")],
  ["the last key", ["b", "m"], own.replace("m=1\n", "")],
  ["a section", ["b"], own.replace("[b]\nm=1\n", "")],
] as const)("unset removes only its own value: %s", async (_, path, wanted) => {
  expect(await unset(format, await encryptText(own, { format, layout }), [...path])).toBe(wanted);
});

test("a file that is sealed again keeps every line except those of time and MAC", async () => {
  const sealed = await encryptText(own, { format, layout });
  const again = (await changeText(sealed, () => true, { format, layout })) ?? "";
  const lines = new Set(sealed.split("\n"));
  expect(
    again.split("\n").filter((line) => !lines.has(line) && !/^(?:lastmodified|mac) /.test(line)),
  ).toEqual([]);
});

const planted = Object.entries(texts)
  .map(
    ([name, text]) =>
      [name, text.replaceAll(/^([^`\n]*?[;#]+ *)(?=[a-z])/gm, "$1planted ")] as const,
  )
  .filter(([, text]) => text.includes("planted"));

test.each(planted)("no comment is left readable: %s", async (_, text) => {
  const sealed = await encryptText(text, { format, layout });
  expect(sealed).toContain("sopsmith-layout 1");
  expect(sealed).not.toContain("planted");
});

test("a forged layout gives the same values or an error, never others", async () => {
  expect(await expectForgeriesHarmless(format, 200)).toBeGreaterThan(300);
});

const peers = "[Peer]\n# one\nKey = a\n\n[Peer]\n# two\nKey=b\n\n[Peer]\n# three\nKey : c\n";
const sections = (text: string): string[] => text.split(/^(?=\[)/m);

test("unset removes the first of the sections with one name, and leaves the others as they are", async () => {
  const sealed = await encryptText(peers, { format, layout });
  expect(await unset(format, sealed, ["Peer"])).toBe(sections(peers).slice(1).join(""));
});

test.each([0, 1, 2])("section %i of those with one name can be removed", async (index) => {
  const sealed = await encryptText(peers, { format, layout });
  const warnings: string[] = [];
  const options = { format, layout, warn: (text: string) => void warnings.push(text) } as const;
  const changed = await changeText(
    sealed,
    ([first]) => {
      const entries = first?.items.filter(({ kind }) => kind === "entry") ?? [];
      const gone = entries[index + 1];
      if (gone !== undefined) first?.items.splice(first.items.indexOf(gone), 1);
      return true;
    },
    options,
  );
  const plain = await decryptText(changed ?? "", options);
  expect(warnings).toEqual([]);
  expect(plain.trim()).toBe(
    sections(peers)
      .filter((_, i) => i !== index)
      .join("")
      .trim(),
  );
});
