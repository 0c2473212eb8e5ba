import { expect, test } from "vitest";
import { formatForPath, formatNamed, loadFormat } from "../../formats/index.ts";

test.each([
  ["a.yaml", "yaml"],
  ["dir/a.yml", "yaml"],
  ["a.json", "json"],
  ["a.env", "dotenv"],
  [".env", "dotenv"],
  ["a.ini", "ini"],
  ["a.YAML", "binary"],
  [".env.local", "binary"],
  ["a.json5", "binary"],
  ["a.json.bak", "binary"],
  ["", "binary"],
])("recognises the format of %s by its ending", (path, name) => {
  expect(formatForPath(path)).toBe(name);
});

test("knows formats by their exact name only", () => {
  expect(["dotenv", "env", "JSON", "__proto__", "toString", ""].map(formatNamed)).toEqual([
    "dotenv",
    ...Array.from({ length: 5 }, () => undefined),
  ]);
});

test.each(["json", "dotenv", "ini", "binary"] as const)(
  "loads %s under its own name",
  async (name) => {
    expect((await loadFormat(name)).name).toBe(name);
  },
);
