import { expect, test } from "vitest";
import { SopsmithError } from "../../src/errors.ts";
import { keepAndOpen } from "../fuzz/layout.ts";
import { Random } from "../fuzz/random.ts";
import { decryptText } from "../verbs.ts";
import { documentsFromText } from "./values.ts";

const layout = "keep";
const record = /# sopsmith-layout (\S{8}) (ENC\[\S+\])/g;

/** Changes that somebody without the key can make to a kept file's looks, marker and records. */
const forgeries: Readonly<Record<string, (text: string, random: Random) => string>> = {
  "quotes taken off": (text) => text.replace(/"(ENC\[[^"]*)"/, "$1"),
  "quotes put on": (text, random) =>
    text.replaceAll(/ENC\[[^\]\\\n]*type:str\](?!["'\\])/g, (all) =>
      random.oneIn(3) ? `"${all}"` : all,
    ),
  "the mark of a plain value taken off": (text) => text.replace("\\x5D", "]"),
  "the mark of a plain value put on": (text) => text.replace(/"(ENC\[[^"\]]*)\]"/, '"$1\\x5D"'),
  "a literal folded": (text) => text.replace("|-", ">-"),
  "a folded text literal": (text) => text.replace(">-", "|+"),
  "two records exchanged": (text) => {
    const [first, second] = [...text.matchAll(record)];
    if (first === undefined || second === undefined) return text;
    return text
      .replace(first[0], `# sopsmith-layout ${first[1] ?? ""} ${second[2] ?? ""}`)
      .replace(second[0], `# sopsmith-layout ${second[1] ?? ""} ${first[2] ?? ""}`);
  },
  "a record renamed": (text) => text.replace(record, "# sopsmith-layout AAAAAAAA $2"),
  "a value's ciphertext for a record": (text) =>
    text.replace(record, `# sopsmith-layout $1 ${/ENC\[[^\]\\]*\]/.exec(text)?.[0] ?? ""}`),
  "a record taken out": (text) => text.replace(/ *# sopsmith-layout \S{8} ENC[^\n]*\n/, ""),
  "the marker taken out": (text) => text.replace(/ *# sopsmith-layout 1[^\n]*\n/, ""),
  "the marker changed": (text) =>
    text.includes("no-eol")
      ? text.replace(" no-eol", "")
      : text.replace("# sopsmith-layout 1", "# sopsmith-layout 1 no-eol"),
  "blank lines put in": (text, random) =>
    text.replaceAll("\n", (all) => (random.oneIn(20) ? "\n\n" : all)),
  "blanks put in": (text, random) => text.replaceAll(" ", (all) => (random.oneIn(30) ? "  " : all)),
  "a comment put in": (text, random) =>
    text.replaceAll("\n", (all) => (random.oneIn(20) ? "\n# a: b\n" : all)),
  "a sealed comment moved": (text) => {
    const comment = /#ENC\[[^\]]*\]/.exec(text)?.[0] ?? "";
    return text.replace(comment, "").replace("\n", ` ${comment}\n`);
  },
};

test(
  "a forged layout gives the same values or an error, never others",
  { timeout: 300_000 },
  async () => {
    let tried = 0;
    let refused = 0;
    for (let index = 0; index < 260; index++) {
      const outcome = await keepAndOpen(11, index);
      if (outcome.kind !== "kept") continue;
      const wanted = documentsFromText(outcome.source);
      for (const [name, forge] of Object.entries(forgeries)) {
        const forged = forge(outcome.sealed, new Random(index, tried));
        if (forged === outcome.sealed) continue;
        tried++;
        let text: string;
        try {
          text = await decryptText(forged, { layout });
        } catch (error) {
          expect(error).toBeInstanceOf(SopsmithError);
          refused++;
          continue;
        }
        expect([index, name, documentsFromText(text)]).toEqual([index, name, wanted]);
      }
    }
    expect(tried).toBeGreaterThan(2500);
    expect(refused).toBeLessThan(tried);
  },
);
