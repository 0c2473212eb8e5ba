import { expect, test } from "vitest";
import { attributePatterns, usualPatterns } from "../../src/git/patterns.ts";

test.each([
  ["", usualPatterns],
  [".*\\.yaml$", ["*.yaml"]],
  ["\\.secret\\.ya?ml$", ["*.secret.yaml", "*.secret.yml"]],
  ["^secrets/.*", ["/secrets/**"]],
  ["secrets/", ["**/*secrets/**"]],
  ["secrets/.*\\.enc\\.(yaml|json)$", ["*.enc.yaml", "*.enc.json"]],
  ["^(dev|prod)/.*\\.env$", ["/dev/**/*.env", "/prod/**/*.env"]],
  ["^prod/db\\.yaml$", ["/prod/db.yaml"]],
  ["[^/]+\\.sops\\.yaml", ["*.sops.yaml*", "**/*.sops.yaml*/**"]],
  ["k8s/.+/secret\\.yaml$", ["secret.yaml"]],
  // A space or a line break would end the pattern.
  ["^my\\ secret\\.yaml$", ["*secret.yaml"]],
  ["x\\\ny\\.yaml$", ["*y.yaml"]],
  // No glob says these.
  ["(?i)x", usualPatterns],
  ["a{2}", usualPatterns],
  ["^.*$", usualPatterns],
  ["(a(b|c))$", usualPatterns],
])("%j becomes patterns of .gitattributes", (expression, patterns) => {
  expect(attributePatterns([expression])).toEqual(patterns);
});

test("patterns of several rules are listed once", () => {
  expect(attributePatterns(["\\.yaml$", "^x/.*", "\\.yaml$"])).toEqual(["*.yaml", "/x/**"]);
});
