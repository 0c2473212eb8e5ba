import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { compare } from "./compare.ts";
import { sopsmith, type Settings } from "./sides.ts";

const root = join(import.meta.dirname, "../../fixtures/fuzz");

const saved = readdirSync(root).flatMap((format) =>
  readdirSync(join(root, format)).map((name) => ({ format: format as FormatName, name })),
);

test.each(saved)(
  "$format document $name, which once differed, does so no more",
  async ({ format, name }) => {
    const file = (part: string): string => join(root, format, name, part);
    const source = readFileSync(file("plain"));
    const settings = JSON.parse(readFileSync(file("settings.json"), "utf8")) as Settings;
    const sealed = await sopsmith.encrypt(source, format, settings);
    if (existsSync(file("expected"))) {
      expect(sealed.said).toBe("");
      const opened = await sopsmith.decrypt(sealed.out, format);
      expect(opened.out.toString()).toBe(readFileSync(file("expected"), "utf8"));
    } else {
      expect(sealed.exit).toBe(Number(readFileSync(file("refused"), "utf8")));
    }
    expect((await compare(source, format, settings)).mismatches).toEqual([]);
  },
);
