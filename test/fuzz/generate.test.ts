import { expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { departures } from "./departures.ts";
import { generators, task } from "./generate.ts";
import { shrink } from "./shrink.ts";

const formats = Object.keys(generators) as FormatName[];

test.each(formats)(
  "500 random %s documents reach every row of the specification, whatever the seed",
  (format) => {
    for (const seed of [1, 20_261]) {
      const reached = new Set<string>();
      for (let index = 0; index < 500; index++)
        for (const row of task(format, seed, index).rows) reached.add(row);
      expect([...reached].sort()).toEqual([...generators[format].rows].sort());
    }
  },
);

test.each(formats)("the same seed gives the same %s document", (format) => {
  const documents = (seed: number) =>
    Array.from({ length: 20 }, (_, index) =>
      Buffer.from(task(format, seed, index).source).toString("latin1"),
    );
  expect(documents(7)).toEqual(documents(7));
  expect(documents(7)).not.toEqual(documents(8));
});

test("every departure names its section of the specification, and no two have the same name", () => {
  const names = departures.map(({ name }) => name);
  for (const name of names) expect(name).toMatch(/^(3|7|8|9|10|12)[., ]/);
  expect(new Set(names).size).toBe(names.length);
});

test("a failing document is shrunk to what makes it fail", async () => {
  const source = Buffer.from("one\ntwo three four\nfive\n");
  const small = await shrink(source, (smaller) =>
    Promise.resolve(Buffer.from(smaller).includes("three")),
  );
  expect(Buffer.from(small).toString()).toBe("three");
});
