import { expect, test } from "vitest";
import { checkRows } from "../rows.ts";
import { identities } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";
import { rows, texts, held } from "./format-by-content.rows.ts";

checkRows(rows);

test.concurrent.each(Object.keys(texts))(
  "an encrypted %s file is read by its content, whatever its name says",
  async (format) => {
    const names = ["x.enc", "x.crypt", "x.conf", "secrets", `x.${format}.enc`, "x.ini", "x.env"];
    // A binary file is JSON, which is YAML too: these names are right.
    if (format !== "bin") names.push("x.json");
    if (format !== "bin" && format !== "json") names.push("x.yaml");
    const files = Object.fromEntries(names.map((name) => [name, held(format)]));
    const box = new Sandbox(files, { SOPS_AGE_KEY: identities.A });
    try {
      for (const name of names)
        expect([name, await box.run(["decrypt", name])]).toEqual([
          name,
          { code: 0, stdout: texts[format], stderr: "" },
        ]);
    } finally {
      box.remove();
    }
  },
);
