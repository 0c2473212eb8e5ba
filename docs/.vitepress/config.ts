// The documentation as a site: npm run docs:site builds it into docs/.vitepress/dist.
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { defineConfig } from "vitepress";
import { PROJECT_URI } from "../../src/project-uri.ts";

/** What begins the path of every page: `/`, or the folder that a host serves the site from. */
const base = process.env["SOPSMITH_SITE_BASE"] ?? "/";

interface Group {
  readonly text: string;
  readonly items: { readonly text: string; readonly link: string }[];
}

const sidebar: Group[] = [
  {
    text: "Begin",
    items: [
      { text: "Install", link: "/install" },
      { text: "On your laptop", link: "/guides/laptop" },
      { text: "How a file is built", link: "/format" },
      { text: "sopsmith and sops", link: "/side-by-side" },
    ],
  },
  {
    text: "Guides",
    items: [
      { text: "People", link: "/guides/people" },
      { text: "Git and review", link: "/guides/git" },
      { text: "CI", link: "/guides/ci" },
      { text: "Node.js", link: "/guides/node" },
      { text: "Terraform", link: "/guides/terraform" },
      { text: "Publish and audit", link: "/guides/publish" },
    ],
  },
  {
    text: "Kubernetes",
    items: [
      { text: "Overview", link: "/guides/kubernetes" },
      { text: "Tutorial", link: "/kubernetes" },
      { text: "kustomize", link: "/kustomize" },
      { text: "Argo CD", link: "/argo-cd" },
      { text: "Flux", link: "/flux" },
    ],
  },
  {
    text: "Moving over",
    items: [
      { text: "From sops", link: "/guides/from-sops" },
      { text: "From dotenvx", link: "/guides/from-dotenvx" },
      { text: "From sealed-secrets", link: "/guides/from-sealed-secrets" },
    ],
  },
  {
    text: "Reference",
    items: [
      { text: "Commands", link: "/reference" },
      { text: "Key types", link: "/keys" },
      { text: "Layout", link: "/layout" },
      { text: "Rules of check", link: "/rules/" },
      { text: "Exit codes", link: "/exit-codes" },
      { text: "Error codes", link: "/error-codes" },
      { text: "People and keys", link: "/people" },
      { text: "Departures from sops", link: "/departures" },
    ],
  },
];

// Made by npm run docs:api, which npm run docs:site runs first.
if (existsSync(join(import.meta.dirname, "../api/README.md")))
  sidebar.at(-1)?.items.push({ text: "Library API", link: "/api/" });

/**
 * What a search engine shows below a page's title: what the map in the README says of the page, or else how the page begins.
 *
 * @param name path of the source below docs/
 */
function descriptionOf(name: string, title: string): string | undefined {
  const docs = join(import.meta.dirname, "..");
  const readme = readFileSync(join(docs, "../README.md"), "utf8");
  const row = readme
    .split("\n")
    .map((line) => line.split("|"))
    .find(([, page = ""]) => page.includes(`](docs/${name})`));
  const text = existsSync(join(docs, name)) ? readFileSync(join(docs, name), "utf8") : "";
  const first = text.split(/\n\s*\n/).find((part) => /^[`[*]?\w/.test(part) && !/^-{3}/.test(part));
  const plain = (row === undefined ? (first ?? "") : `${title}: ${(row[2] ?? "").trim()}`)
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[`*\n]+/g, (mark) => (mark.includes("\n") ? " " : ""));
  if (plain === "") return undefined;
  return plain.length <= 160 ? plain : `${plain.slice(0, 159).replace(/\W*\w*$/, "")}…`;
}

/** Pages that nobody has put into a group yet, so that each is found all the same. */
function unlisted(): Group[] {
  const listed = new Set(sidebar.flatMap(({ items }) => items.map(({ link }) => link)));
  const docs = join(import.meta.dirname, "..");
  const items = globSync(["*.md", "guides/*.md"], { cwd: docs })
    .map((name) => ({ name, link: `/${name.replaceAll("\\", "/").replace(/\.md$/, "")}` }))
    .filter(({ link }) => link !== "/index" && !listed.has(link))
    .map(({ name, link }) => ({
      text: /^# (.*)$/m.exec(readFileSync(join(docs, name), "utf8"))?.[1] ?? link,
      link,
    }));
  return items.length === 0 ? [] : [{ text: "More", items }];
}

export default defineConfig({
  lang: "en",
  title: "sopsmith",
  description:
    "Encrypt the values inside YAML, JSON, ENV, INI and binary files, compatible with SOPS.",
  base,
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${base}favicon.svg` }]],
  cleanUrls: true,
  lastUpdated: false,
  // Pages of the specification are for contributors, who read them in the repository.
  srcExclude: ["spec/**", "diagrams/**"],
  rewrites: { "rules/README.md": "rules/index.md", "api/README.md": "api/index.md" },
  transformPageData({ filePath, title, description }) {
    return description === "" ? { description: descriptionOf(filePath, title) ?? "" } : {};
  },
  markdown: {
    config(md) {
      // Vue would take {{ }} in code for an expression.
      md.renderer.rules["code_inline"] = (tokens, index) =>
        `<code v-pre>${md.utils.escapeHtml(tokens[index]?.content ?? "")}</code>`;
      // A README is the index of its folder. A link that leaves docs/ leads to the file in the repository.
      const inside = md.renderer.rules["link_open"];
      md.renderer.rules["link_open"] = (
        tokens,
        index,
        options,
        env: { relativePath?: string },
        self,
      ) => {
        const token = tokens[index];
        const to = token?.attrGet("href") ?? "";
        const target = posix.join(posix.dirname(env.relativePath ?? ""), to);
        if (!/^[a-z]+:|^#|^\//.test(to) && (target.startsWith("../") || target.startsWith("spec/")))
          token?.attrSet("href", `${PROJECT_URI}/blob/main/${posix.join("docs", target)}`);
        else if (/(?:^|\/)README\.md(?=#|$)/.test(to))
          token?.attrSet("href", to.replace("README.md", "index.md"));
        return (
          inside?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options)
        );
      };
    },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    notFound: {
      quote: "There is no page at this address. Search for what you need, or begin at the start.",
      linkText: "To the start page",
    },
    socialLinks: [{ icon: "github", link: PROJECT_URI }],
    nav: [
      { text: "Guides", link: "/guides/laptop" },
      { text: "Reference", link: "/reference" },
      { text: "sopsmith and sops", link: "/side-by-side" },
    ],
    sidebar: [...sidebar, ...unlisted()],
  },
});
