import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { withFigures } from "../scripts/docs/figures.ts";
import { manPages } from "../scripts/docs/man.ts";
import { referenceText } from "../scripts/docs/markdown.ts";
import { allPages, flagsOf } from "../scripts/docs/pages.ts";
import { rulePages } from "../scripts/docs/rules.ts";
import { sideBySidePage } from "../scripts/docs/side-by-side.ts";

const root = join(import.meta.dirname, "..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const pages = await allPages();
const manual = manPages(pages);

test("the command reference is what the commands' definitions say (else: npm run docs)", () => {
  expect(read("docs/reference.md")).toBe(referenceText(pages));
});

test("so are the manual pages: one for the program, one for each command", () => {
  expect(readdirSync(join(root, "man")).toSorted()).toEqual([...manual.keys()].toSorted());
  for (const [name, text] of manual) expect(read(`man/${name}`), name).toBe(text);
  // What npm install -g puts where man looks.
  const { man } = JSON.parse(read("package.json")) as { man: string[] };
  expect(man.toSorted()).toEqual([...manual.keys()].map((name) => `man/${name}`).toSorted());
});

test("so are the pages of the rules of sopsmith check, and the links in them lead somewhere", () => {
  const rules = rulePages();
  expect(readdirSync(join(root, "docs/rules")).toSorted()).toEqual([...rules.keys()].toSorted());
  for (const [name, text] of rules) {
    expect(read(`docs/rules/${name}`), name).toBe(text);
    for (const [, to = ""] of text.matchAll(/\]\(([^)]+)\)/g)) expect(rules.has(to), to).toBe(true);
  }
});

test("so is the page that compares sopsmith with sops", () => {
  expect(read("docs/side-by-side.md")).toBe(sideBySidePage(read("bench/RESULTS.md")));
});

test("both name every option of every command", () => {
  const sections = read("docs/reference.md").split(/^## /m);
  for (const page of pages) {
    const section = sections.find((text) => text.startsWith(`sopsmith ${page.name}\n`)) ?? "";
    const manPage = manual.get(`sopsmith-${page.name.replaceAll(" ", "-")}.1`) ?? "";
    for (const { names } of flagsOf(page))
      for (const name of names) {
        const flag = `${name.length === 1 ? "-" : "--"}${name}`;
        expect(section).toMatch(RegExp(`^\\| \`[^\`]*${flag}[ ,\`]`, "m"));
        expect(manPage).toContain(flag.replaceAll("-", "\\-"));
      }
  }
});

test("a manual page has the requests and escapes of man(7), and nothing else that looks so", () => {
  const requests = /^\.(?:TH|SH|TP|BR|br|nf|fi)(?: |$)/;
  for (const [name, text] of manual)
    for (const line of text.split("\n")) {
      if (/^[.']/.test(line)) expect(line, name).toMatch(requests);
      expect(line.replaceAll(/\\(?:[-&e]|f[BR]|\((?:aq|ga|ha|ti|->|em))/g, ""), name).not.toContain(
        "\\",
      );
      expect(line, name).toMatch(/^[\x20-\x7e]*$/);
    }
});

test("the README quotes the figures of the last measurement (else: npm run docs)", () => {
  const readme = read("README.md");
  expect(withFigures(readme, read("bench/RESULTS.md"))).toBe(readme);
  expect(readme).toMatch(/\d+ to \d+ times as fast as sops\*\* on large/);
});

/** The headings of a page as GitHub makes anchors of them. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm)];
  return new Set(
    headings.map(([, heading = ""]) =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("every link in the documentation leads to a file, and to a heading that exists", () => {
  const files = globSync(
    ["*.md", "deploy/*.md", "docs/*.md", "docs/guides/*.md", "fixtures/README.md"],
    { cwd: root },
  );
  expect(files.length).toBeGreaterThan(20);
  const broken: string[] = [];
  for (const file of files) {
    // A block of code is no prose.
    const prose = read(file)
      .replaceAll(/^ *```.*?^ *```$/gms, "")
      .replaceAll(/`[^`\n]*`/g, "");
    for (const [, to = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(to)) continue;
      const [path = "", anchor] = to.split("#");
      const target = path === "" ? file : join(dirname(file), path);
      if (!existsSync(join(root, target))) broken.push(`${file}: ${to}`);
      else if (anchor !== undefined && !anchorsOf(read(target)).has(anchor))
        broken.push(`${file}: ${to}`);
    }
  }
  expect(broken).toEqual([]);
});

test("the README leads to every guide and every page of reference", () => {
  const readme = read("README.md");
  const pages = globSync(["docs/*.md", "docs/guides/*.md"], { cwd: root }).filter(
    (page) => !page.endsWith("README.md") && page !== "docs/index.md",
  );
  expect(pages.filter((page) => !readme.includes(`](${page})`))).toEqual([]);
});
