const QUOTED =
  /^\s*(?:"(?<double>(?:\\.|[^"\\])*)"|'(?<single>[^']*)'|`(?<back>[^`]*)`)\s*(?:#.*)?$/su;

/**
 * The value of a line of an ENV file as programs expect it: one pair of quotes around it is taken off, with a comment after them. sops keeps the
 * text after `=` as it is, and has turned `\n` into line ends already. Without quotes the text stays: a `#` may be part of a secret.
 */
export function unquoted(text: string): string {
  const groups = QUOTED.exec(text)?.groups;
  return groups === undefined
    ? text
    : (groups["double"]?.replaceAll('\\"', '"') ?? groups["single"] ?? groups["back"] ?? text);
}

/** The name in front of `=`, without the `export` of a shell. */
export const variableKey = (key: string): string => key.replace(/^export\s+/, "");
