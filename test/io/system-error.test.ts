import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { systemCode, systemReason } from "../../src/io/system-error.ts";

test("a system error is reported in the system's words, whatever the sign of its number", async () => {
  const error: unknown = await readFile("/no/where").catch((thrown: unknown) => thrown);
  expect(systemCode(error)).toBe("ENOENT");
  expect(systemReason(error)).toBe("no such file or directory");
  expect(systemReason(Object.assign(new Error("x"), { code: "ENOENT", errno: 2 }))).toBe(
    "no such file or directory",
  );
});

test("an error without a number is reported by its code, any other not at all", () => {
  expect(systemReason(Object.assign(new Error("secret"), { code: "EODD" }))).toBe("EODD");
  expect(systemReason(new Error("secret"))).toBe("unknown system error");
});
