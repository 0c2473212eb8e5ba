import { expect, test } from "vitest";
import type { FormatName } from "../../formats/format.ts";
import { float, str, type Mapping, type Node } from "../../src/tree/node.ts";
import { setPath, unsetPath, type Path } from "../../src/tree/path.ts";
import { task } from "../fuzz/generate.ts";
import { Random } from "../fuzz/random.ts";
import { word } from "../fuzz/sample.ts";
import { sops, sopsmith } from "../fuzz/sides.ts";

const seed = 811;
const count = 110;

/** Paths of a document that the syntax of paths can say, lists' positions left out: comments shift them in sops. */
function paths(root: Mapping): Path[] {
  const found: Path[] = [];
  const open: { node: Node; path: Path }[] = [{ node: root, path: [] }];
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.node.kind !== "map") continue;
    for (const item of next.node.items) {
      if (item.kind !== "entry" || !/^[\w .:-]+$/.test(item.key)) continue;
      const path = [...next.path, item.key];
      found.push(path);
      open.push({ node: item.value, path });
    }
  }
  return found;
}

/** Comments, what sops makes of empty ones in a list, and its empty line after a late one are where each program's file had them: see the departures. */
const withoutComments = (out: Buffer): string =>
  out
    .toString("latin1")
    .split("\n")
    .filter((line) => !/^ *(- ""$|#|;|$)/.test(line))
    .join("\n");

const ciphertexts = (file: Buffer): string[] =>
  file.toString("latin1").match(/ENC\[AES256_GCM,[^\]]*\]/g) ?? [];

test.each(["yaml", "json", "dotenv", "ini"] satisfies FormatName[])(
  "set and unset change a random %s file as real sops does, and leave the other ciphertexts alone",
  async (format) => {
    let compared = 0;
    for (let index = 0; index < count; index++) {
      const { source, settings } = task(format, seed, index);
      const sealed = await sops.encrypt(source, format, settings);
      if (sealed.exit !== 0 || (await sops.decrypt(sealed.out, format)).exit !== 0) continue;
      const random = new Random(seed, index);
      const remove = random.oneIn(3);
      const text = word(random);
      const value =
        format === "yaml" || format === "json" ? random.pick([str(text), float(5)]) : str(text);
      let chosen: Path | undefined;
      const ours = await sopsmith.change(sealed.out, format, ([root]) => {
        if (!root) return false;
        const known = paths(root).filter((path) => format !== "ini" || path.length === 2);
        const path = known.length > 0 ? random.pick(known) : [];
        // A section that stands twice is looked for in the first one only: then there is nothing to remove.
        if (path.length === 0 || (remove && !unsetPath(root, path))) return false;
        if (!remove) setPath(root, path, value);
        chosen = path;
        return true;
      });
      if (!chosen) continue;
      const path = chosen.map((step) => `["${step}"]`).join("");
      const argument = value.kind === "str" ? JSON.stringify(value.value) : "5";
      const theirs = await sops.change(
        sealed.out,
        format,
        remove ? ["unset", path] : ["set", path, argument],
      );
      const where = `document ${index}, ${remove ? "unset" : "set"} ${path}`;
      expect(ours.exit, `${where}: ${ours.said}`).toBe(theirs.exit);
      if (theirs.exit !== 0) continue;
      const [wanted, got] = await Promise.all([
        sops.decrypt(theirs.out, format),
        sops.decrypt(ours.out, format),
      ]);
      expect(got.exit, where).toBe(wanted.exit);
      if (wanted.exit === 0) {
        expect(withoutComments(got.out), where).toBe(withoutComments(wanted.out));
        compared++;
      }
      // The MAC and the value that was set are new; NaN never equals itself, and a comment that sops's file had moved goes back.
      const before = new Set(ciphertexts(sealed.out));
      const fresh = new Set(
        ciphertexts(ours.out).filter(
          (one) => !before.has(one) && !/type:(float|comment)\]$/.test(one),
        ),
      );
      expect(fresh.size, where).toBeLessThanOrEqual(2);
    }
    expect(compared).toBeGreaterThan(20);
  },
);
