import { expect } from "vitest";
import { decrypts, holds, type Row } from "../rows.ts";
import { plain, recipients, yamlText } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";

/** Files that keep their layout: made once, with what the program writes. */
const text = `# top\ndb: # where\n  user: 'admin'\n  hosts: [a, "b", 0x10]\n\n  pass: |\n    one\n    two\n`;
const made = new Sandbox({ "kept.yaml": text });
const { stdout: kept } = await made.run(
  ["encrypt", "--layout", "keep", "--age", recipients.A, "kept.yaml"],
  {},
);

const files = { "kept.yaml": kept };
const keep = { SOPSMITH_LAYOUT: "keep" };
const isKept = /^ {4}# sopsmith-layout 1$/m;
const canonical = `# top
# where
db:
    user: admin
    hosts:
        - a
        - b
        - 16
    pass: |
        one
        two
`;

/** The file's plain text, asked for with its layout. */
const decryptsKept =
  (name: string, wanted: string | RegExp) =>
  async (box: Sandbox): Promise<void> => {
    const { stdout, stderr } = await box.run(["decrypt", "--layout", "keep", name]);
    expect(stderr).toBe("");
    if (typeof wanted === "string") expect(stdout).toBe(wanted);
    else expect(stdout).toMatch(wanted);
  };

const changed = (change: (text: string) => string, name = "kept.yaml") =>
  decryptsKept(name, change(text));
const none = { code: 128, stderr: /^Failed to get the data key/ };
const dead = "--keyservice unix:///none.sock --enable-local-keyservice=false";
const inTwo = `creation_rules:\n  - age: ${recipients.A},${recipients.B}\n`;

const lines: readonly Omit<Row, "files">[] = [
  { line: "decrypt --layout keep kept.yaml", stdout: text },
  { line: "decrypt kept.yaml", env: keep, stdout: text },
  { line: "--layout keep decrypt kept.yaml", stdout: text },
  { line: "--layout keep -d kept.yaml", stdout: text },
  { line: "decrypt --layout sops kept.yaml", env: keep, stdout: canonical },
  { line: "--indent 4 decrypt kept.yaml", env: keep, stdout: canonical },
  { line: "--indent 2 decrypt --layout keep kept.yaml", stdout: text },
  {
    line: "decrypt --output-type json kept.yaml",
    env: keep,
    stdout: /^\{\n\t"db": \{\n\t\t"user": "admin"/,
  },
  { line: `decrypt --extract '["db"]["hosts"]' kept.yaml`, env: keep, stdout: "- a\n- b\n- 16\n" },
  { line: "exec-file --layout keep --no-fifo kept.yaml 'cat {}'", stdout: text },
  {
    line: "decrypt --layout other kept.yaml",
    code: 1,
    stderr: /^--layout: "other" is not a layout\nUse keep or sops\.\n$/,
  },
  {
    line: "decrypt kept.yaml",
    env: { SOPSMITH_LAYOUT: "other" },
    code: 1,
    stderr: /^SOPSMITH_LAYOUT: "other" is not a layout\n/,
  },
  { line: "encrypt --layout keep --age A plain.yaml", stdout: isKept },
  { line: "encrypt --age A plain.yaml", env: keep, stdout: isKept },
  { line: "encrypt --layout sops --age A plain.yaml", env: keep, stdout: /^sops:\n {4}age:/m },
  { line: "--indent 2 encrypt --age A plain.yaml", env: keep, stdout: /^sops:\n {2}age:/m },
  {
    line: "encrypt -i --age A plain.yaml",
    env: keep,
    after: decryptsKept("plain.yaml", plain["plain.yaml"]),
  },
  {
    line: "edit --layout keep kept.yaml",
    env: { EDITOR: "sed -i s/0x10/0x11/" },
    after: changed((old) => old.replace("0x10", "0x11")),
  },
  {
    line: "edit --show-master-keys --layout keep kept.yaml",
    env: { EDITOR: "sed -i s/admin/root/" },
    after: changed((old) => old.replace("admin", "root")),
  },
  {
    line: "edit --layout sops kept.yaml",
    env: { EDITOR: "sed -i s/admin/root/" },
    after: decrypts("kept.yaml", canonical.replace("admin", "root")),
  },
  {
    line: "edit --layout keep --age A new.yaml",
    env: { EDITOR: "sed -i -e s/Welcome/Hi/ -e 's/^example_number.*/n:   0x1F/'" },
    after: decryptsKept("new.yaml", /^hello: Hi to SOPS![^]*\nn: {3}0x1F\n/),
  },
  {
    line: `set --layout keep kept.yaml '["db"]["user"]' '"root"'`,
    after: changed((old) => old.replace("admin", "root")),
  },
  {
    line: `set kept.yaml '["db"]["port"]' 5432`,
    env: keep,
    after: changed((old) => `${old}  port: 5432\n`),
  },
  {
    line: `unset --layout keep kept.yaml '["db"]["hosts"][1]'`,
    after: changed((old) => old.replace(`"b", `, "")),
  },
  { line: "rotate -i --layout keep kept.yaml", after: changed((old) => old) },
  {
    line: "updatekeys --yes --layout keep kept.yaml",
    stdout: /age1/,
    stderr: /./,
    after: async (box) => {
      const [body, block] = box.read("kept.yaml").split(/^(?=sops:)/m);
      const [bodyBefore, blockBefore] = kept.split(/^(?=sops:)/m);
      expect(body).toBe(bodyBefore);
      expect(block?.split("\n").slice(0, 3)).toEqual(blockBefore?.split("\n").slice(0, 3));
      expect(block).toContain(recipients.B);
      await changed((old) => old)(box);
    },
  },
  {
    line: "groups add -i --layout keep --file kept.yaml --age B",
    after: holds("kept.yaml", /^ {2}user: 'ENC[^]*\n {4}# sopsmith-layout 1\n[^]*key_groups:/m),
  },
  {
    line: "groups delete -i --layout keep --file kept.yaml 1",
    code: 2,
    stderr: /^there is no key group 1/,
  },
  {
    line: "publish --layout keep --yes kept.yaml",
    code: 1,
    stderr: /./,
  },
  {
    line: "--verbose encrypt --layout keep --age A open.yaml",
    stdout: /^a: ENC/,
    stderr: /^INFO: open\.yaml: its layout is not kept: /m,
  },
  {
    line: "encrypt --layout keep --age A open.yaml -v",
    stdout: /^a: ENC/,
    stderr: /^INFO: open\.yaml: its layout is not kept: an unencrypted block scalar /m,
  },
  { line: "layout keep sealed.yaml", after: decryptsKept("sealed.yaml", yamlText) },
  { line: "layout sops kept.yaml", after: decrypts("kept.yaml", canonical) },
  { line: "layout keep kept.yaml" },
  { line: "layout sops sealed.yaml sealed.json", stderr: /unchanged/ },
  {
    line: "layout sops --no-atomic --input-type yaml --ignore-mac --decryption-order age kept.yaml",
    after: holds("kept.yaml", /^sops:\n {4}age:/m),
  },
  {
    line: "layout keep --recursive --all-or-nothing .",
    stderr: /./,
    code: 1,
  },
  {
    line: "layout sops --output-dir out kept.yaml",
    stderr: /./,
    after: (box) => {
      expect(box.read("out/kept.yaml")).not.toContain("sopsmith");
      expect(box.read("kept.yaml")).toBe(kept);
    },
  },
  { line: `layout sops ${dead} kept.yaml`, ...none },
  { line: "layout keep sealed.bin", code: 1, stderr: /^the layout of sealed\.bin cannot be kept/ },
  { line: "layout other kept.yaml", code: 1, stderr: /^Error: "other" is not a layout\n/ },
  { line: "layout keep", code: 100, stderr: /^Error: no file specified/ },
  { line: "layout keep plain.yaml", code: 1, stderr: /sops metadata not found/ },
  { line: "layout keep gone.yaml", code: 2, stderr: /gone\.yaml/ },
];

const atHome: readonly Row[] = lines.map((row) => ({
  ...row,
  files: {
    ...files,
    "open.yaml": "a: 1\nb_unencrypted: |\n  x",
    ...(/updatekeys/.test(row.line) ? { ".sops.yaml": inTwo } : {}),
  },
}));

export const rows: readonly Row[] = [
  ...atHome,
  {
    line: "encrypt --age A plain.yaml",
    env: { SOPSMITH_LAYOUT: "" },
    files: { ".sops.yaml": "stores:\n  yaml:\n    layout: sops\n    indent: 2\n" },
    stdout: /^sops:\n {2}age:/m,
  },
  {
    line: "encrypt --age A plain.yaml",
    env: { SOPSMITH_LAYOUT: "" },
    files: { ".sops.yaml": "stores:\n  yaml:\n    indent: 2\n" },
    stdout: /^sops:\n {2}# sopsmith-layout 1\n {2}age:/m,
  },
  {
    line: "encrypt --age A plain.yaml",
    files: { ".sops.yaml": "stores:\n  yaml:\n    layout: mine\n" },
    code: 1,
    stderr: /layout.*keep or sops/,
  },
];

made.remove();
