import { expect, test } from "vitest";
import { SopsmithError } from "../../src/errors.ts";
import {
  compileSelection,
  defaultSelector,
  parseSelectors,
  type Selection,
  type SelectorName,
} from "../../src/metadata/selection.ts";

const refuse = (name: SelectorName, value: string): Promise<Selection> =>
  compileSelection({ name, value }, { onBadPattern: "refuse", warn: () => {} });

/** Whether a leaf at that path is encrypted when keys decide. */
const isEncrypted = (selection: Selection, path: string[]): boolean =>
  selection.decide(
    path.some((key) => selection.keySwitches(key)),
    false,
  );

test("the default leaves values below a key that ends in _unencrypted alone", async () => {
  const selection = await refuse(defaultSelector.name, defaultSelector.value);
  expect(isEncrypted(selection, ["a"])).toBe(true);
  expect(isEncrypted(selection, ["a_unencrypted"])).toBe(false);
  expect(isEncrypted(selection, ["a_unencrypted", "b"])).toBe(false);
  expect(isEncrypted(selection, ["_unencrypted_"])).toBe(true);
  expect(isEncrypted(selection, [])).toBe(true);
});

test("encrypted_suffix encrypts only below keys with the suffix", async () => {
  const selection = await refuse("encrypted_suffix", "_s");
  expect(isEncrypted(selection, ["a_s", "b"])).toBe(true);
  expect(isEncrypted(selection, ["a", "b"])).toBe(false);
  expect(isEncrypted(selection, [])).toBe(false);
});

test("the key patterns search anywhere in a key and are inherited", async () => {
  const only = await refuse("encrypted_regex", "^(data|stringData)$");
  expect(isEncrypted(only, ["data", "x"])).toBe(true);
  expect(isEncrypted(only, ["mydata"])).toBe(false);
  const except = await refuse("unencrypted_regex", "ub[^x]");
  expect(isEncrypted(except, ["public", "x"])).toBe(false);
  expect(isEncrypted(except, ["private"])).toBe(true);
});

test("the comment patterns depend on comments alone", async () => {
  const only = await refuse("encrypted_comment_regex", "sops:enc");
  expect(only.byComment).toBe("encrypted");
  expect(only.keySwitches("sops:enc")).toBe(false);
  expect(only.commentMatches(" sops:enc ")).toBe(true);
  expect(only.decide(true, false)).toBe(false);
  expect(only.decide(false, true)).toBe(true);
  const except = await refuse("unencrypted_comment_regex", "sops:plain");
  expect(except.byComment).toBe("unencrypted");
  expect(except.commentMatches("sops:enc")).toBe(false);
  expect(except.decide(false, true)).toBe(false);
  expect(except.decide(false, false)).toBe(true);
});

test("keys decide alone under the other settings", async () => {
  const selection = await refuse("encrypted_regex", "a");
  expect(selection.byComment).toBe("none");
  expect(selection.commentMatches("a")).toBe(false);
  expect(selection.decide(false, true)).toBe(false);
});

test("names like __proto__ and the empty key are ordinary", async () => {
  const selection = await refuse("encrypted_regex", "^(__proto__|constructor|)$");
  const keys = ["__proto__", "constructor", "", "toString", "hasOwnProperty"];
  expect(keys.filter((key) => isEncrypted(selection, [key]))).toEqual([
    "__proto__",
    "constructor",
    "",
  ]);
});

test("compares a suffix byte by byte, even if bytes are not UTF-8", async () => {
  const selection = await refuse("encrypted_suffix", "\udca9");
  expect(selection.keySwitches("x\udca9")).toBe(true);
  expect(selection.keySwitches("é")).toBe(true);
  expect(selection.keySwitches("x")).toBe(false);
});

test("refuses a bad pattern for a new file, naming the setting and the place but not the pattern", async () => {
  const error = await refuse("encrypted_regex", "my(secret").then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(SopsmithError);
  expect(error).toMatchObject({
    exitCode: 1,
    message: "encrypted_regex: error parsing regexp: missing closing )",
  });
  await expect(refuse("unencrypted_regex", "a++")).rejects.toThrow(
    "unencrypted_regex: error parsing regexp: invalid nested repetition operator at character 2",
  );
});

test("a bad pattern of an existing file matches nothing, with one warning", async () => {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const only = await compileSelection(
    { name: "encrypted_regex", value: "(" },
    { onBadPattern: "never-match", warn },
  );
  expect(isEncrypted(only, ["("])).toBe(false);
  expect(warnings).toEqual([
    "encrypted_regex: error parsing regexp: missing closing ); as in sops, it matches nothing",
  ]);
  const except = await compileSelection(
    { name: "unencrypted_regex", value: "(" },
    { onBadPattern: "never-match", warn },
  );
  expect(isEncrypted(except, ["("])).toBe(true);
  expect(warnings).toHaveLength(2);
});

test("settings that are empty count as not set", () => {
  expect(parseSelectors({})).toEqual([]);
  expect(
    parseSelectors({ encrypted_regex: "a", unencrypted_suffix: "", encrypted_suffix: undefined }),
  ).toEqual([{ name: "encrypted_regex", value: "a" }]);
  expect(parseSelectors({ encrypted_regex: "a", unencrypted_suffix: "b" })).toHaveLength(2);
});

test("asks the engine once for each distinct key of a large file", async () => {
  const selection = await refuse("encrypted_regex", "(?i)^key[0-9]+$");
  const start = performance.now();
  let count = 0;
  for (let i = 0; i < 1_000_000; i++) if (selection.keySwitches(`key${i % 1000}`)) count++;
  expect(count).toBe(1_000_000);
  expect(performance.now() - start).toBeLessThan(3000);
});
