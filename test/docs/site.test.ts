// The documentation's site, built and read as a visitor does: every page opened, every link followed.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROJECT_URI } from "../../src/project-uri.ts";

const root = join(import.meta.dirname, "../..");
let site: string;

beforeAll(() => {
  site = mkdtempSync(join(tmpdir(), "sopsmith-site-"));
  const vitepress = join(root, "node_modules/vitepress/bin/vitepress.js");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vitepress, "build", "docs", "--outDir", site],
    { cwd: root, encoding: "utf8", env: { ...process.env, NODE_ENV: "production" } },
  );
  if (status !== 0) throw new Error(`vitepress build: ${stdout}${stderr}`);
}, 300_000);

afterAll(() => rmSync(site, { recursive: true, force: true }));

/** The file that a host of static files with clean addresses answers a path with. */
function fileOf(path: string): string | undefined {
  const candidates = path.endsWith("/") ? [`${path}index.html`] : [path, `${path}.html`];
  return candidates
    .map((name) => join(site, decodeURIComponent(name)))
    .find((file) => existsSync(file) && statSync(file).isFile());
}

const attributes = (html: string, name: string) =>
  [...html.matchAll(RegExp(`\\s${name}="([^"]*)"`, "g"))].map(([, value = ""]) =>
    value.replaceAll("&amp;", "&"),
  );

/** Every page that is reached from the home page, by its path. */
function crawl(): { pages: Map<string, string>; broken: string[]; elsewhere: Set<string> } {
  const pages = new Map<string, string>();
  const broken: string[] = [];
  const elsewhere = new Set<string>();
  const anchors: { from: string; path: string; anchor: string }[] = [];
  const queue = ["/"];
  for (const path of queue) {
    const file = fileOf(path);
    const html = readFileSync(file ?? "", "utf8");
    pages.set(path, html);
    for (const to of [...attributes(html, "href"), ...attributes(html, "src")]) {
      if (/^(?:data|mailto):/.test(to)) continue;
      const url = new URL(to, `http://site${path}`);
      if (url.host !== "site") {
        elsewhere.add(to);
        continue;
      }
      const target = fileOf(url.pathname);
      if (target === undefined) broken.push(`${path}: ${to}`);
      else if (target.endsWith(".html")) {
        if (!queue.includes(url.pathname)) queue.push(url.pathname);
        if (url.hash.length > 1)
          anchors.push({
            from: path,
            path: url.pathname,
            anchor: decodeURIComponent(url.hash.slice(1)),
          });
      }
    }
  }
  for (const { from, path, anchor } of anchors)
    if (!attributes(pages.get(path) ?? "", "id").includes(anchor))
      broken.push(`${from}: ${path}#${anchor}`);
  return { pages, broken: [...new Set(broken)], elsewhere };
}

test("every link of the site leads to a page, and to a heading that exists", () => {
  const { pages, broken, elsewhere } = crawl();
  expect(broken).toEqual([]);
  expect(pages.size).toBeGreaterThan(35);
  // What leads into the repository leads to a file in it.
  const files = [...elsewhere].filter((to) => to.startsWith(`${PROJECT_URI}/blob/main/`));
  expect(files.length).toBeGreaterThan(3);
  const missing = files.filter(
    (to) => !existsSync(join(root, new URL(to).pathname.split("/blob/main/")[1] ?? "nothing")),
  );
  expect(missing).toEqual([]);
});

test("every page of the documentation is reached from the home page", () => {
  const { pages } = crawl();
  const sources = globSync(["docs/*.md", "docs/guides/*.md", "docs/rules/*.md"], { cwd: root });
  const paths = sources.map((name) =>
    `/${name.slice("docs/".length, -".md".length)}`.replace(/\/(?:README|index)$/, "/"),
  );
  expect(paths.filter((path) => !pages.has(path))).toEqual([]);
});

test("each page has a title, a description, one main heading and the text of its source, and no picture without words for it", () => {
  const { pages } = crawl();
  const found = [...pages].map(([path, html]) => ({
    path,
    title: /<title>([^<]+)<\/title>/.exec(html)?.[1] ?? "",
    description: /<meta name="description" content="([^"]*)"/.exec(html)?.[1] ?? "",
    headings: html.match(/<h1[\s>]/g)?.length ?? 0,
    mute: (html.match(/<img(?![^>]*\salt="[^"]{20,}")[^>]*>/g) ?? []).length,
  }));
  for (const page of found) {
    expect(page).toMatchObject({ headings: 1, mute: 0 });
    expect(page.title).toContain("sopsmith");
    // Room for a sentence, and no more than is shown below a title.
    expect(page.description.length, page.path).toBeGreaterThan(25);
    expect(page.description.length, page.path).toBeLessThan(200);
    expect(page.description, page.path).not.toMatch(/[`|]|\]\(/);
  }
  expect(new Set(found.map(({ title }) => title)).size).toBe(found.length);
  expect(new Set(found.map(({ description }) => description)).size).toBe(found.length);
  expect(pages.get("/exit-codes")).toContain("too few of the file");
});

test("search finds words of the pages", () => {
  const index = globSync(join(site, "assets/chunks/@localSearchIndexroot*.js"))[0];
  expect(readFileSync(index ?? "", "utf8")).toContain("updatekeys");
});
