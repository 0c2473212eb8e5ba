import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const pages = globSync("docs/spec/*.md", { cwd: root }).map((file) => basename(file, ".md"));

/** The numbers that one can cite: of headings, of paragraphs that begin with one, and of rows such as D14. */
function sectionsOf(page: string): Set<string> {
  const text = readFileSync(join(root, `docs/spec/${page}.md`), "utf8");
  const numbered =
    /^(?:#+ (?:Appendix )?|\*\*|\| )?((?:[A-Z]\.?)?\d+(?:\.\d+)*|[A-Z])(?:\. |\.?\*\*|[ ]|\.$| \|)/gm;
  return new Set([...text.matchAll(numbered)].map(([, number = ""]) => number));
}

const sections = new Map(pages.map((page) => [page, sectionsOf(page)]));

interface Citation {
  readonly file: string;
  readonly page: string;
  readonly section: string;
}

const number = String.raw`(?:[A-Z]\.?)?\d+(?:\.\d+)*`;
const cited = new RegExp(
  String.raw`\bspec ([a-z-]+)((?:,? (?:sections? |Appendix |rule )?${number}(?:–${number})?(?: (?:and|to|or)(?= [\dA-Z]))?[:;]?)+)`,
  "g",
);

/** What a text cites, as in `spec cli 4.6–4.8, 5.3` or `spec file-format Appendix A.1 and A.2`. */
function citationsIn(file: string, text: string): Citation[] {
  // A citation may run over the end of a line of a comment.
  const flowing = text.replaceAll(/\n\s*(?:\*|\/\/)?\s*/g, " ");
  return [...flowing.matchAll(cited)].flatMap(([, page = "", list = ""]) =>
    [...list.replaceAll(/rule \d+/g, "").matchAll(new RegExp(number, "g"))].map(([section]) => ({
      file,
      page,
      section,
    })),
  );
}

const files = globSync(["{bin,src,formats,scripts,test,bench}/**/*.ts", "*.md", "docs/*.md"], {
  cwd: root,
}).filter((file) => file !== "test/spec.test.ts");
const citations = files.flatMap((file) =>
  citationsIn(file, readFileSync(join(root, file), "utf8")),
);

test("citations of every shape are found", () => {
  const shapes = citationsIn(
    "a.ts",
    "(spec cli 4.6–4.8, 5.3) spec file-format 10, D6; spec file-format Appendix A.1 and A.2,\n * spec keys sections 11\n * and 14, spec git B.2, rule 5",
  );
  expect(shapes.map(({ page, section }) => `${page} ${section}`)).toEqual([
    "cli 4.6",
    "cli 4.8",
    "cli 5.3",
    "file-format 10",
    "file-format D6",
    "file-format A.1",
    "file-format A.2",
    "keys 11",
    "keys 14",
    "git B.2",
  ]);
});

test("every cited section of docs/spec exists", () => {
  expect(citations.length).toBeGreaterThan(150);
  const missing = citations.filter(({ page, section }) => !sections.get(page)?.has(section));
  expect(missing.map(({ file, page, section }) => `${file}: spec ${page} ${section}`)).toEqual([]);
});

test("links between the pages lead somewhere", () => {
  for (const page of pages) {
    const text = readFileSync(join(root, `docs/spec/${page}.md`), "utf8");
    const linked = [...text.matchAll(/\]\(([a-z-]+)\.md\)/g)].map(([, name = ""]) => name);
    expect(linked.filter((name) => !pages.includes(name))).toEqual([]);
  }
});
