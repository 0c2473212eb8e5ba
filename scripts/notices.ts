// The notices that licences ask for when a package is bundled: which packages are in a bundle, and the text of each licence.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A package of which a bundle has at least one module. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** What package.json says: an SPDX expression. */
  readonly license: string;
  readonly author: string;
  readonly homepage: string;
  /** Its folder, an absolute path. */
  readonly folder: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
}

/**
 * The packages that the modules of a bundle are from, sorted by name, each version once. Modules of the project itself and
 * those that the bundler makes up do not count.
 *
 * @param modules absolute paths
 */
export function bundledPackages(modules: Iterable<string>): BundledPackage[] {
  const folders = new Set<string>();
  for (const path of modules) {
    const folder = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(
      path.replaceAll("\\", "/"),
    )?.[1];
    if (folder !== undefined && existsSync(join(folder, "package.json"))) folders.add(folder);
  }
  const found = new Map<string, BundledPackage>();
  for (const folder of folders) {
    const { name, version, license, author } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    ) as Manifest;
    if (license === undefined) throw new Error(`${folder}/package.json names no license`);
    found.set(`${name}@${version}`, {
      name,
      version,
      license,
      author: (typeof author === "object" ? author.name : author) ?? `the authors of ${name}`,
      homepage: `https://www.npmjs.com/package/${name}`,
      folder,
    });
  }
  return [...found.values()].toSorted((a, b) =>
    `${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1,
  );
}

/**
 * The text of THIRD-PARTY-NOTICES. Packages under the very same text share it.
 *
 * @throws {Error} for a package without a licence text, if its licence is no standard one that another package has
 */
export function noticesText(packages: readonly BundledPackage[], preamble = ""): string {
  const own = new Map(packages.map((part) => [part, ownText(part)]));
  const byText = new Map<string, BundledPackage[]>();
  for (const [part, text] of own) {
    const full = text ?? standardText(part, own);
    const sharing = byText.get(full) ?? [];
    byText.set(full, [...sharing, part]);
  }
  const rule = "-".repeat(78);
  const sections = [...byText].map(([text, parts]) => {
    const names = parts.map(
      ({ name, version, license, homepage }) => `${name} ${version} (${license}) ${homepage}`,
    );
    return `${rule}\n${names.join("\n")}\n\n${text}\n`;
  });
  return `Packages that are part of sopsmith, with their licenses\n\n${preamble}${sections.join("\n")}`;
}

/** The files of a package that are its licence and its notice, or that section of its README. */
function ownText({ folder }: BundledPackage): string | undefined {
  const files = readdirSync(folder).toSorted();
  const read = (name: string) =>
    readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n").trim();
  const texts = files
    .filter((name) => /^(?:licen[cs]e|unlicense|copying|notice)\b(?!.*\.[cm]?[jt]s$)/i.test(name))
    .map(read);
  if (texts.length > 0) return texts.join("\n\n");
  const readme = files.find((name) => /^readme\b/i.test(name));
  const section = /^(?:#+ *)?(?:the )?(?:mit )?licen[cs]e *#*\n(?:[-=]+\n)?(.*)$/ims.exec(
    readme === undefined ? "" : read(readme),
  )?.[1];
  return section?.includes("Permission is hereby granted") === true ? section.trim() : undefined;
}

/** The text of a licence that names nobody, or the MIT licence with the author's name, from a package that has it. */
function standardText(
  { name, license, author }: BundledPackage,
  own: ReadonlyMap<BundledPackage, string | undefined>,
): string {
  for (const [other, text] of own) {
    if (text === undefined || other.license !== license) continue;
    if (license === "Apache-2.0" && text.startsWith("Apache License")) return text;
    const permission = text.indexOf("Permission is hereby granted");
    if (license === "MIT" && permission >= 0)
      return `The MIT License\n\nCopyright (c) ${author}\n\n${text.slice(permission)}`;
  }
  throw new Error(`${name} has no text of its license, ${license}`);
}
