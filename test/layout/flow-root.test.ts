import { expect, test } from "vitest";
import { parseSealedSource, rewrap } from "../../src/update-keys.ts";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { age } from "../../src/keys/age/age.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { SopsmithError } from "../../src/errors.ts";
import { alice } from "../keys/fake-host.ts";
import { Random } from "../fuzz/random.ts";
import { aliceHost, changeText, decryptText, encryptText } from "../verbs.ts";
import { expectSopsReads, forgeries, keepAndOpen, runSops, set, unset } from "./flat-formats.ts";
import { documentsFromText } from "./values.ts";

const format = "yaml";
const layout = "keep";

const own = `# who may log in
{
  "db": {user: 'admin', "ports": [80, 0x1F90]}, # main
  'list': [a, "b", c],

  last: 1.50, # no comma follows
  empty:
}
# end
`;

const texts: Readonly<Record<string, string>> = {
  "on one line": "{a: 1}\n",
  "on one line, without a line break": "{a: x}",
  "of several lines": own,
  "with a comma after the last entry": "{a: 1, b: 'x',}\n",
  "with a comma and a comment after the last entry": "{\n  a: 1, # ,\n  # c\n}\n",
  "with a space before the bracket": "{ a: 1, }\n",
  "with keys only": "{a, b: }\n",
  "after a marker, with tag and anchor": "---\n!!map &x # c\n{a: 1}\n...\n",
  "after a directive": "%YAML 1.1\n---\n{a: 1}\n",
  "with aliases": "{a: &x [1, 0x2], b: *x, c: {<<: &m {d: e}}}\n",
  "with carriage returns": '{\r\n  "a": 1,\r\n  "b": "x"\r\n}\r\n',
  "with a byte order mark": "\ufeff{a: 1}\n",
  "that is JSON": '{\n  "a": [1, 2.50, "\\u00e9"],\n  "b": {"c": null, "d": true}\n}\n',
  "with text of the marker":
    '{a: "sopsmith_layout", b: {"sopsmith_layout": "1"}} # sopsmith-layout 1\n',
  "with a value that stays unencrypted": "{a: 1, b_unencrypted: 'x'}\n",
};

test.each(Object.entries(texts))(
  "a YAML file whose root is {…} comes back byte for byte: %s",
  async (_, text) => {
    const { outcome, sealed } = await keepAndOpen(format, text);
    expect(outcome).toBe("kept");
    expect(sealed).toContain('"sopsmith_layout": "1"');
    const values = async (file: string) => decryptText(file, { format, output: "json" });
    expect(await values(sealed)).toBe(await values(await encryptText(text, { format })));
  },
);

test.each(["sops", "sops311"] as const)("real %s reads them without a word", async (program) => {
  for (const text of Object.values(texts))
    await expectSopsReads(program, format, text, await encryptText(text, { format, layout }));
  const sealed = await encryptText(own, { format, layout });
  const changed = await runSops(program, format, sealed, "set", '["db"]["user"]', '"root"');
  expect([changed.code, changed.stderr]).toEqual([0, ""]);
  expect(changed.file).not.toContain("sopsmith");
  const printed = await runSops(program, format, changed.file, "decrypt");
  expect(await decryptText(changed.file, { format, layout })).toBe(printed.stdout);
});

test.each([
  ["an empty root", "{}\n", /no keys/],
  ["several documents", "{a: 1}\n---\nb: 2\n", /more documents/],
  ["a later document", "b: 2\n---\n{a: 1}\n", /sops/],
])("a text that cannot keep its layout says why: %s", async (_, text, reason) => {
  expect((await keepAndOpen(format, text)).outcome).toMatch(reason);
});

test.each([
  ["a value", ["db", "user"], "root", own.replace("'admin'", "'root'")],
  ["a new entry", ["db", "new"], "v", own.replace("0x1F90]}", "0x1F90], \"new\": 'v'}")],
  ["an element", ["list", 1], "x", own.replace('"b"', '"x"')],
] as const)("set changes only what it is about: %s", async (_, path, value, wanted) => {
  expect(await set(format, await encryptText(own, { format, layout }), [...path], value)).toBe(
    wanted,
  );
});

test.each([
  ["a first entry", ["db", "user"], own.replace("user: 'admin', ", "")],
  ["an element", ["list", 1], own.replace(' "b",', "")],
] as const)("unset takes out only what it is about: %s", async (_, path, wanted) => {
  expect(await unset(format, await encryptText(own, { format, layout }), [...path])).toBe(wanted);
});

test("new entries of the root come after its last one", async () => {
  for (const [text, wanted] of [
    ["{a: 1}\n", /^\{a: 1, new: v\}\n$/],
    ["{\n  a: 1,\n  b: 2\n}\n", /^\{\n {2}a: 1,\n {2}b: 2,\n {2}new: v\n\}\n$/],
  ] as const)
    expect(await set(format, await encryptText(text, { format, layout }), ["new"], "v")).toMatch(
      wanted,
    );
});

test("an edit changes the lines that were touched, and that of the block", async () => {
  const sealed = await encryptText(own, { format, layout });
  const edited = own.replace("'admin'", "'root'").replace(" c]", " c, d]");
  const changed = (await changeText(sealed, () => Buffer.from(edited), { format, layout })) ?? "";
  const before = new Set(sealed.split("\n"));
  expect(changed.split("\n").filter((line) => !before.has(line))).toHaveLength(3);
  expect(await decryptText(changed, { format, layout })).toBe(edited);
});

test("other keys change nothing outside the block", async () => {
  const sealed = await encryptText(own, { format, layout });
  const keys = await age.parse(alice.recipient, aliceHost);
  const common = {
    file: "f.yaml",
    input: format,
    output: format,
    layout,
    services: [localKeyService],
    warn: () => undefined,
  } as const;
  const parsed = await parseSealedSource(Buffer.from(sealed), common);
  const options = { ...common, keyGroups: [keys], threshold: 0, failed: "", indent: undefined };
  const chunks = await rewrap(parsed, options, aliceHost);
  const rewrapped = joinChunks(chunks).toString();
  const outside = (text: string): string => text.replace(/"sops": \{.*\}/, "");
  expect(rewrapped).not.toBe(sealed);
  expect(outside(rewrapped)).toBe(outside(sealed));
  expect(await decryptText(rewrapped, { format, layout })).toBe(own);
});

test("a forged layout gives the same values or an error, never others", async () => {
  let tried = 0;
  for (const text of Object.values(texts)) {
    const sealed = await encryptText(text, { format, layout });
    const changes: Readonly<Record<string, (file: string, random: Random) => string>> = {
      ...forgeries,
      "the block moved to the front": (file) => {
        const block = /[, ]("sops": \{.*\}\})/.exec(file)?.[1]?.slice(0, -1) ?? "";
        return file.replace(block, "").replace("{", `{${block},`);
      },
      "a text before the block": (file) => file.replace(/.("sops": )/, ",extra_unencrypted: 1,$1"),
      "a bracket before the block": (file) => file.replace('"sops": ', '], "sops": '),
      "the mark of plain values": (file) => file.replaceAll("\\x5D", "]"),
      "the style of the sealed": (file) => file.replaceAll(/"(ENC\[[^"\\]*)"/g, "'$1'"),
    };
    for (const [name, forge] of Object.entries(changes)) {
      const forged = forge(sealed, new Random(3, tried));
      if (forged === sealed) continue;
      tried++;
      try {
        const plain = await decryptText(forged, { format, layout });
        expect([name, documentsFromText(plain)]).toEqual([name, documentsFromText(text)]);
      } catch (error) {
        if (!(error instanceof SopsmithError)) throw error;
      }
    }
  }
  expect(tried).toBeGreaterThan(60);
});
