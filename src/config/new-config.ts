import type { MasterKey } from "../keys/provider.ts";
import { provider } from "../keys/index.ts";
import { wildcardSource } from "./glob.ts";

/** Somebody who is to open files. */
export interface Member {
  /** What the key is called. */
  readonly name: string;
  readonly key: Pick<MasterKey, "type" | "id">;
}

/**
 * A name as an anchor of YAML, which is how `.sops.yaml` files name keys: letters, digits, `_` and `-`; go-yaml takes no
 * others.
 */
export function anchorOf(name: string): string {
  const letters = name.normalize("NFKD").replaceAll(/\p{M}/gu, "");
  const anchor = letters.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, "");
  return anchor === "" ? "key" : anchor;
}

/** An item of a key group's list, as a value: a text, or texts by field. */
export function groupValue({ type, id }: Member["key"]): string | Record<string, string> {
  const { ruleItem } = provider(type);
  return ruleItem.kind === "text" ? id : ruleItem.split(id);
}

/**
 * An item of a key group's list, as YAML for a list in block style.
 *
 * @param anchor of the key's text; used where the item has that text in it
 */
export function groupItem(key: Member["key"], anchor: string | undefined): string {
  const value = groupValue(key);
  const text = anchor === undefined ? scalarText(key.id) : `*${anchor}`;
  if (typeof value === "string") return text;
  const [[field] = [""], ...more] = Object.entries(value);
  if (more.length === 0) return `${field}: ${text}`;
  const fields = Object.entries(value).map(([name, one]) => `${name}: ${scalarText(one)}`);
  return `{ ${fields.join(", ")} }`;
}

/** A scalar of YAML: as it is where it is sure to be read as a text, else in single quotes. */
export function scalarText(text: string): string {
  return /^[A-Za-z0-9][\w./@:+=-]*(?: [\w./@+=-]+)*$/.test(text) &&
    !/:( |$)|^0[box]|^[\d.]+(?:e[+-]?\d+)?$/i.test(text)
    ? text
    : `'${text.replaceAll("'", "''")}'`;
}

/**
 * A `.sops.yaml` with one creation rule: the members' keys by name, and the rule for the files.
 *
 * @param members at least one
 */
export function newConfig(members: readonly Member[], pathRegex: string): string {
  const taken = new Set<string>();
  const named = members.map(({ name, key }) => {
    let anchor = anchorOf(name);
    for (let i = 2; taken.has(anchor); i++) anchor = `${anchorOf(name)}-${i}`;
    taken.add(anchor);
    return { anchor, name, key };
  });
  const keys = named.map(({ anchor, name, key }) => {
    const comment = anchor === name ? "" : ` # ${name.replaceAll(/[\r\n]+/g, " ")}`;
    return `  - &${anchor} ${scalarText(key.id)}${comment}`;
  });
  const types = [...new Set(named.map(({ key }) => key.type))];
  const groups = types.flatMap((type, index) => [
    `      ${index === 0 ? "- " : "  "}${provider(type).groupField}:`,
    ...named
      .filter(({ key }) => key.type === type)
      .map(({ key, anchor }) => `          - ${groupItem(key, anchor)}`),
  ]);
  return [
    "# Who can decrypt, by name, and which files are encrypted to whom. `sopsmith who` shows it.",
    "keys:",
    ...keys,
    "creation_rules:",
    `  - path_regex: ${scalarText(pathRegex)}`,
    "    key_groups:",
    ...groups,
    "",
  ].join("\n");
}

/** Names of files with secrets, as Git matches them; the same as {@link usualPathRegex}. */
export const usualGlobs: readonly string[] = ["yaml", "yml", "json", "env", "ini"].flatMap(
  (ending) => [`secrets.${ending}`, `*.secret.${ending}`, `**/secrets/**/*.${ending}`],
);

/** `secrets.yaml` and `app.secret.yaml` anywhere, and what is in directories of the name `secrets`. */
export const usualPathRegex: string = String.raw`(^|/)(secrets/.*|secrets|[^/]*\.secret)\.(yaml|yml|json|env|ini)$`;

/**
 * The `path_regex` that matches what these patterns of shells match: `*` and `?` within a name, `**` across directories, and
 * `{a,b}`. A pattern without `/` matches in every directory.
 */
export function pathRegexOf(globs: readonly string[]): string {
  return globs
    .map((glob) => {
      const body = glob
        .replace(/^\.?\//, "")
        .replaceAll(/\*\*\/|\*\*|[*?{},]|[.+^$()|[\]\\]/g, (part) => replacement(part, glob));
      return glob.includes("/") ? `^${body}$` : `(^|/)${body}$`;
    })
    .join("|");
}

function replacement(part: string, glob: string): string {
  switch (part) {
    case "{":
      return "(";
    case "}":
      return ")";
    case ",":
      return glob.includes("{") ? "|" : ",";
    default:
      return wildcardSource(part) ?? `\\${part}`;
  }
}

/** The patterns without braces, which `.gitattributes` does not know. */
export function withoutBraces(glob: string): string[] {
  const [whole, before = "", inner = "", after = ""] = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(glob) ?? [];
  return whole === undefined
    ? [glob]
    : inner.split(",").flatMap((one) => withoutBraces(`${before}${one}${after}`));
}
