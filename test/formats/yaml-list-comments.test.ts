import { expect, test } from "vitest";
import { yaml } from "../../formats/yaml.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import type { Documents, Node } from "../../src/tree/node.ts";
import { decryptText, encryptText, refusal } from "../verbs.ts";

/** Where each comment of a file is read: the additional data of its collection, and whether the file holds it as a list item. */
function commentPlaces(text: string): string[] {
  const found: string[] = [];
  const visit = (node: Node, aad: string): void => {
    if (node.kind === "map") {
      for (const item of node.items) {
        if (item.kind === "comment") found.push(`${aad || ":"} line`);
        else if (item.key !== "sops") visit(item.value, `${aad}${item.key}:`);
      }
    } else if (node.kind === "seq") {
      for (const item of node.items) {
        if (item.kind === "comment") found.push(`${aad} line`);
        else if (item.kind === "str" && item.value.endsWith(",type:comment]"))
          found.push(`${aad} item`);
        else visit(item, aad);
      }
    }
  };
  const documents: Documents = yaml.parse(Buffer.from(text), { sealed: true });
  for (const document of documents) visit(document, "");
  return found;
}

// Departure D1: a comment line wherever the reader puts it back into the same list, a list item elsewhere.
test.each<[string, string, string[]]>([
  ["at the head of a list", "l:\n    # c\n    - 1\n", ["l: line"]],
  ["between scalars", "l:\n    - 1\n    # c\n    - 2\n", ["l: line"]],
  ["behind the last scalar", "l:\n    - 1\n    # c\nz: 1\n", ["l: line"]],
  ["behind the last scalar of the file", "l:\n    - 1\n    # c\n", ["l: line"]],
  ["behind a scalar, on its line", "l:\n    - 1 # c\n    - 2\n", ["l: line"]],
  ["in front of a mapping", "l:\n    # c\n    - a: 1\n", ["l: line"]],
  ["in front of a list", "l:\n    # c\n    - - 1\n", ["l: line"]],
  ["between a scalar and a mapping", "l:\n    - 1\n    # c\n    - a: 1\n", ["l: line"]],
  ["of an inner list", "l:\n    - - 1\n      # c\n      - 2\n    - 3\n", ["l: line"]],
  ["in a list in a mapping in a list", "l:\n    - k:\n        # c\n        - 1\n", ["l:k: line"]],
  ["of a mapping in a list", "l:\n    - a: 1\n      # c\n      b: 2\n", ["l: line"]],
])("a comment %s decrypts to its place", async (_where, text, places) => {
  const sealed = await encryptText(text);
  expect(commentPlaces(sealed)).toEqual(places);
  expect(sealed).not.toContain("# c");
  // Decryption makes every comment stand above its value (spec 7.6).
  expect(await decryptText(sealed)).toBe(text.replace("- 1 # c", "# c\n    - 1"));
});

test.each([
  ["between two mappings", "l: [{a: 1},\n# c\n{b: 2}]\n"],
  ["after an element with a nested list", "l: [{a: [1]},\n# c\n2]\n"],
  ["of an outer list, after an inner one", "l:\n  - - 1\n  # c\n  - 2\n"],
])("a comment %s stays in its list", async (_where, text) => {
  const before = yaml.parse(Buffer.from(text), { sealed: false });
  const sealed = await encryptText(text);
  expect(sealed).not.toContain("# c");
  for (const place of commentPlaces(sealed)) expect(place).toMatch(/^l:(a:)? line$/);
  expect(sealed.match(/type:comment\]/g)).toHaveLength(1);
  expect(await decryptText(sealed)).toBe(
    joinChunks(yaml.emit(before, { sealed: false })).toString(),
  );
});

// sops writes these as list elements, and 3.13.2 then finds a MAC mismatch.
test.each([
  ["after a last mapping", "l: [{a: [1]},\n# c\n]\nz: 1\n", "l:\n    - a:\n        - 1\nz: 1\n"],
  ["after a last list", "l: [[1],\n# c\n]\nz: 1\n", "l:\n    - - 1\nz: 1\n"],
  ["in a list without elements", "l: [] # c\nz: 1\n", "l: []\nz: 1\n"],
  ["at the end of the file", "l: [{a: [1]},\n# c\n]\n", "l:\n    - a:\n        - 1\n"],
])("a comment %s goes before the list's key", async (_where, text, rest) => {
  const sealed = await encryptText(text);
  expect(sealed).not.toContain("# c");
  expect(commentPlaces(sealed)).toEqual([": line"]);
  expect(await decryptText(sealed)).toBe(`# c\n${rest}`);
});

test("a comment that cannot go before the key becomes a list element, with a warning", async () => {
  const warnings: string[] = [];
  const sealed = await encryptText("l: [{a: [1]},\n# c\n]\nz: 1\n", {
    selectors: [{ name: "encrypted_regex", value: "^l$" }],
    warn: (message) => warnings.push(message),
  });
  expect(sealed).not.toContain("# c");
  expect(commentPlaces(sealed)).toEqual(["l: item"]);
  expect(warnings).toEqual([expect.stringContaining("sops 3.13.2 reports a MAC mismatch")]);
  expect(await decryptText(sealed)).toContain("# c");
});

/** A list comment as 3.13.2 writes it. */
test("reads a comment that is sealed as a list item", async () => {
  const asLine = await encryptText("l:\n    # c\n    - 1\n");
  const asItem = asLine.replace(/#(ENC\[[^\]]*type:comment\])/, "- $1");
  expect(asItem).not.toBe(asLine);
  expect(commentPlaces(asItem)).toEqual(["l: item"]);
  expect(await decryptText(asItem)).toBe("l:\n    # c\n    - 1\n");
});

// Departure D16.
test("a bare # in a list stays a comment", async () => {
  const text = "l:\n    #\n    - 1\n    #\n    - 2\n";
  const sealed = await encryptText(text);
  expect(sealed).not.toContain('- ""');
  expect(await decryptText(sealed)).toBe(text);
});

test("comments of unselected lists stay as they are", async () => {
  const text = "l_unencrypted:\n    # c\n    - 1 # d\n    # e\n";
  const sealed = await encryptText(text);
  expect(sealed.startsWith(text)).toBe(true);
  expect(await decryptText(sealed)).toBe(text);
});

test("a list comment cannot be turned into data, nor data into a comment, unseen", async () => {
  const sealed = await encryptText("l:\n    - one\n    - two\n");
  const hidden = sealed.replace(/type:str\]/, "type:comment]");
  expect([25, 51]).toContain((await refusal(decryptText(hidden))).exitCode);
  const commented = await encryptText("l:\n    # one\n    - two\n");
  const shown = commented.replace("type:comment]", "type:str]").replace("#ENC", "- ENC");
  expect([25, 51]).toContain((await refusal(decryptText(shown))).exitCode);
});
