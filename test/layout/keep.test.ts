import { describe, expect, test } from "vitest";
import { decryptText, encryptText } from "../verbs.ts";
import { kept } from "./samples.ts";

const layout = "keep";
const marker = "# sopsmith-layout 1";

describe("a kept YAML file comes back byte for byte", () => {
  test.each(Object.entries(kept))("%s", async (_, text) => {
    const sealed = await encryptText(text, { layout });
    expect(sealed).toContain(marker);
    expect(await decryptText(sealed, { layout })).toBe(text);
  });
});

describe("a kept YAML file has the values that it would have without its layout", () => {
  test.each(Object.entries(kept))("%s", async (_, text) => {
    const values = async (sealed: string) =>
      decryptText(sealed, { output: "json" }).catch(() => "several documents");
    expect(await values(await encryptText(text, { layout }))).toBe(
      await values(await encryptText(text)),
    );
  });
});

describe("no comment of a kept YAML file is left readable", () => {
  const planted = "planted";
  test.each(Object.entries(kept).filter(([, text]) => /#[^\n\r]*[a-z]/.test(text)))(
    "%s",
    async (_, text) => {
      const source = text.replaceAll(/(^|\s)#(?=[^\n\r]*[a-z])/g, `$1#${planted} `);
      const sealed = await encryptText(source, { layout });
      expect(source).toContain(planted);
      // In values that are not encrypted it is no comment.
      expect(sealed.replaceAll(/_unencrypted.*\n(?: .*\n)?/g, "")).not.toContain(planted);
    },
  );
});

test("a comment that the reader drops is encrypted, however many comments follow", async () => {
  const many = Array.from({ length: 1500 }, (_, i) => `# c${i}\nk${i}: v\n`).join("");
  const text = `a:\n  b: [ # planted\n  ]\n  c: { # planted\n  }\n${many}`;
  const sealed = await encryptText(text, { layout });
  expect(sealed).toContain(marker);
  expect(sealed).not.toContain("planted");
  expect(await decryptText(sealed, { layout })).toBe(text);
});

describe("a text that cannot keep its layout is encrypted as sops does, and says why", () => {
  test.each([
    ["an anchor of a name that copies have", "a: &alias-x 1\nb: *alias-x\n", /alias-/],
    ["an anchor between a tag and its value", 'a: !!int &x "1"\n', /anchor/],
    ["an unencrypted literal at the end", "a: 1\nb_unencrypted: |\n  x", /block scalar/],
    ["a comment beside a directive", "%YAML 1.1 # c\n---\na: 1\n", /directive/],
  ])("%s", async (_, text, reason) => {
    const reasons: string[] = [];
    const explain = (why: string) => void reasons.push(why);
    const sealed = await encryptText(text, { layout, explain });
    expect(sealed).not.toContain(marker);
    expect(reasons.join()).toMatch(reason);
    expect(await decryptText(sealed, { layout })).toBe(await decryptText(await encryptText(text)));
  });
});

test("a file without a marker is read and written as sops does, whatever its layout", async () => {
  const sealed = await encryptText("a: 1\nb: [x]\n");
  expect(await decryptText(sealed, { layout })).toBe("a: 1\nb:\n    - x\n");
});

test("with the layout of sops a marked file is read as any other", async () => {
  const sealed = await encryptText("a: [0x10]\n", { layout });
  expect(await decryptText(sealed)).toBe("a:\n    - 16\n");
});

test("a literal with very many empty lines takes no longer than its size asks for", async () => {
  const source = `a: |\n  x\n${"\n".repeat(150_000)}  y\n`;
  const sealed = await encryptText(source, { layout });
  expect(sealed).toContain(marker);
  expect(await decryptText(sealed, { layout })).toBe(source);
}, 5_000);
