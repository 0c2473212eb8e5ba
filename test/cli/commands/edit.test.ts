import { mkdirSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkRows } from "../rows.ts";
import { identities, sealed } from "../samples.ts";
import { Sandbox } from "../sandbox.ts";
import { rows } from "./edit.rows.ts";

checkRows(rows);

describe("a signal while the editor runs", () => {
  test.concurrent.each([
    ["SIGTERM", "TERM", 1, /^User canceled operation/],
    ["SIGINT", "INT", 1, /^User canceled operation.*The editor had saved no change/],
    ["SIGHUP", "HUP", null, /^$/],
  ])(
    "%s ends the program, and no plain text is left behind",
    { timeout: 60_000 },
    async (_, signal, code, stderr) => {
      const box = new Sandbox(
        { "sealed.yaml": sealed["sealed.yaml"] ?? "" },
        { SOPS_AGE_KEY: identities.A },
      );
      mkdirSync(box.path("tmp"));
      const editor = `sh -c 'ls "$TMPDIR" >&2; kill -${signal} $PPID; sleep 1'`;
      const result = await box.run(["edit", "sealed.yaml"], {
        env: { EDITOR: editor, TMPDIR: box.path("tmp") },
      });
      expect(result.code).toBe(code);
      const [directory, ...rest] = result.stderr.split("\n");
      expect(directory).toMatch(/^sopsmith-/);
      expect(rest.join("\n")).toMatch(stderr);
      expect(readdirSync(box.path("tmp"))).toEqual([]);
      expect(box.read("sealed.yaml")).toBe(sealed["sealed.yaml"]);
      box.remove();
    },
  );
});
