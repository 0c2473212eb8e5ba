import { expect, test } from "vitest";
import { findConfig, shadowWarning, type ConfigFs } from "../../src/config/find-config.ts";

const fsWith = (...paths: string[]): ConfigFs => ({ exists: (path) => paths.includes(path) });

test("finds the nearest .sops.yaml from the start upwards", () => {
  const fs = fsWith("/a/.sops.yaml", "/a/b/.sops.yaml", "/.sops.yaml");
  expect(findConfig("/a/b", fs)).toMatchObject({ path: "/a/b/.sops.yaml", shown: ".sops.yaml" });
  expect(findConfig("/a/b/c/d", fs)).toMatchObject({
    path: "/a/b/.sops.yaml",
    shown: "../../.sops.yaml",
  });
  expect(findConfig("/a", fs)).toMatchObject({ path: "/a/.sops.yaml" });
  expect(findConfig("/x/y", fs)).toMatchObject({ path: "/.sops.yaml" });
});

test("finds nothing where there is nothing, and stops at the root", () => {
  const asked: string[] = [];
  const found = findConfig("/a/b", { exists: (path) => asked.push(path) === 0 });
  expect(found).toEqual({ path: undefined, shown: undefined, shadowedYml: undefined });
  expect(asked).toHaveLength(6);
});

test("checks at most 100 directories", () => {
  const fs = fsWith("/.sops.yaml");
  expect(findConfig("/x".repeat(99), fs).path).toBe("/.sops.yaml");
  expect(findConfig("/x".repeat(100), fs).path).toBeUndefined();
});

test("names the nearest .sops.yml at or below the hit in a warning", () => {
  const both = findConfig("/a/b", fsWith("/a/b/.sops.yml", "/a/.sops.yml", "/a/.sops.yaml"));
  expect(shadowWarning(both)).toBe(
    'ignoring ".sops.yml" when searching for config file; the config file must be called ".sops.yaml"; using "../.sops.yaml" instead',
  );
  const alone = findConfig("/a/b", fsWith("/.sops.yml"));
  expect(shadowWarning(alone)).toBe(
    'ignoring "../../.sops.yml" when searching for config file; the config file must be called ".sops.yaml"',
  );
  expect(
    shadowWarning(findConfig("/a/b", fsWith("/.sops.yml", "/a/b/.sops.yaml"))),
  ).toBeUndefined();
  expect(shadowWarning(findConfig("/a", fsWith("/a/.sops.yml", "/a/.sops.yaml")))).toContain(
    'using ".sops.yaml"',
  );
});

test("searches a Windows path", () => {
  const fs = fsWith("C:\\a\\.sops.yaml");
  expect(findConfig("C:\\a\\b", fs)).toMatchObject({
    path: "C:\\a\\.sops.yaml",
    shown: "../.sops.yaml",
  });
  expect(findConfig("D:\\a\\b", fs).path).toBeUndefined();
});
