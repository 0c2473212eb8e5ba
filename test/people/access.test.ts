import { expect, test } from "vitest";
import { map } from "../../src/tree/node.ts";
import { accessTo, type AccessInput } from "../../src/people/access.ts";
import { fold } from "../../src/people/fold.ts";
import { KeyNames } from "../../src/people/names.ts";
import { markOf, whoText } from "../../src/people/who-text.ts";
import { whoMarkdown } from "../../src/people/who-markdown.ts";
import { whoSvg } from "../../src/people/who-svg.ts";

const key = (id: string) => ({ type: "age", id, fields: map([]), enc: "" }) as const;
const names = new KeyNames(
  ["alice", "bob", "ci"].map((name) => ({
    key: { type: "age", id: name },
    name,
    description: undefined,
    source: "anchor",
  })),
);

/** Groups are separated by `|`, keys by blanks; `rule` in the same way. */
function file(name: string, groups: string, { threshold = 0, rule = "" } = {}): AccessInput {
  const read = (text: string) => text.split("|").map((group) => group.trim().split(" ").map(key));
  return {
    file: name,
    keyGroups: read(groups),
    shamirThreshold: threshold,
    ruleKeys: rule === "" ? undefined : read(rule),
  };
}

const marks = (input: AccessInput): string => {
  const { people, files } = accessTo([input], names);
  return people
    .map(({ label }, index) => {
      const cell = files[0]?.cells[index];
      return `${label}${cell === undefined ? "?" : markOf(cell)}`;
    })
    .join(" ");
};

test.each([
  ["alice bob", 0, "", "alice● bob●"],
  ["alice | bob", 0, "", "alice◐ bob◐"],
  ["alice | bob", 1, "", "alice● bob●"],
  ["alice ci | bob ci | alice", 2, "", "alice● bob◐ ci●"],
  ["alice", 0, "alice bob", "alice● bob○"],
  ["alice bob", 0, "alice", "alice● bob✕"],
  ["x alice", 0, "", "alice● x●"],
])("of %s with threshold %i and the rule %j: %s", (groups, threshold, rule, expected) => {
  expect(marks(file("f", groups, { threshold, rule }))).toBe(expected);
});

test.each([
  ["alice", 0, ["alice"]],
  ["alice bob", 0, []],
  ["alice bob | ci", 0, ["ci"]],
  ["alice | bob", 0, ["alice", "bob"]],
  ["alice | bob | ci", 2, []],
  ["alice | bob", 1, []],
  ["alice | alice bob", 1, []],
])("%s with threshold %i depends on %j", (groups, threshold, expected) => {
  const [access] = accessTo([file("f", groups, { threshold })], names).files;
  expect(access?.hangsOn).toEqual(expected);
});

test("all keys of one name are one person, and keys without a name come last", () => {
  const twice = new KeyNames([
    ...names.all,
    { key: { type: "age", id: "bob2" }, name: "bob", description: "phone", source: "comment" },
  ]);
  const { people, files } = accessTo(
    [file("f", "x | bob2 | bob | alice", { threshold: 2 })],
    twice,
  );
  expect(people.map(({ label, keys }) => `${label} ${keys.length}`)).toEqual([
    "alice 1",
    "bob 2",
    "x 1",
  ]);
  expect(files[0]?.cells[1]?.opens).toBe("alone");
});

test("two keys that their clouds call the same are not one person", () => {
  const arns = ["eu-west-1", "us-east-1"].map((region) => `arn:aws:kms:${region}:1:alias/sops`);
  const group = arns.map((id) => ({ ...key(id), type: "kms" as const }));
  const input = { ...file("f", "a"), keyGroups: [group] };
  expect(accessTo([input], names).people.map(({ label }) => label)).toEqual([
    "alias/sops",
    "alias/sops",
  ]);
});

test("folds directories whose files are equal, and many equal files of one directory", () => {
  const files = [
    ...["p/a", "p/q/b", "p/q/c"].map((path) => ({ path, kind: "1" })),
    ...Array.from({ length: 5 }, (_, index) => ({ path: `m/f${index}`, kind: "1" })),
    { path: "m/odd", kind: "2" },
    { path: "one/x", kind: "3" },
    { path: "z", kind: "1" },
  ];
  const rows = fold(
    files,
    ({ path }) => path,
    ({ kind }) => kind,
  );
  expect(rows.map(({ label, items }) => `${label} ${items.length}`)).toEqual([
    "m/f0 and 4 more 5",
    "m/odd 1",
    "one/x 1",
    "p/ 3",
    "z 1",
  ]);
  const all = Array.from({ length: 40 }, (_, index) => `d${index % 2}/f${index}`);
  expect(
    fold(
      all,
      (path) => path,
      () => "",
    ).map(({ label }) => label),
  ).toEqual(["./"]);
});

const odd = new KeyNames([
  {
    key: { type: "age", id: "alice" },
    name: `<b>"A&B" | x`,
    description: undefined,
    source: "comment",
  },
]);

test("whatever a name is, Markdown and SVG show it as it is", () => {
  const access = accessTo([file("a<i>`|.yaml", "alice")], odd);
  const [head = "", , row = ""] = whoMarkdown(access);
  expect(head).toBe(String.raw`|  | &lt;b>"A&amp;B" \| x |`);
  expect(row).toBe("| a&lt;i>\\`\\|.yaml | ● |");
  const picture = whoSvg(access);
  expect(picture).toContain("&lt;b&gt;&quot;A&amp;B&quot; | x");
  expect(picture).toContain("a&lt;i&gt;`|.yaml");
  expect(picture).not.toMatch(/<[bi]>|<script|href="(?!#)|url\(/);
});

test("the picture has a light and a dark theme, and loads nothing from elsewhere", () => {
  const picture = whoSvg(accessTo([file("f", "alice | bob", { rule: "alice ci" })], names));
  expect(picture).toContain("@media (prefers-color-scheme: dark)");
  expect(picture.match(/<use href="#(?:others|missing|extra)"/g)).toHaveLength(6);
  // The name space is no address to fetch.
  expect(picture.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toContain("http");
});

test("the matrix becomes a list where it is too wide", () => {
  const access = accessTo([file("f", "alice bob", { rule: "alice" })], names);
  expect(whoText(access, { columns: 80, color: false }).slice(0, 3)).toEqual([
    "       alice  bob",
    "f        ●     ✕",
    "opens    1     1",
  ]);
  expect(whoText(access, { columns: 12, color: false }).slice(0, 3)).toEqual([
    "f",
    "  ● alice",
    "  ✕ bob",
  ]);
});
