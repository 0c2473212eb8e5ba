/** The fields of a connection string in the form `host=db user=sops password='a b'`. */
function parseWords(text: string): Map<string, string> {
  const words = new Map<string, string>();
  for (const [, name = "", quoted, bare = ""] of text.matchAll(
    /(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\]|\\.)*))/gs,
  ))
    words.set(name, (quoted ?? bare).replaceAll(/\\(.)/gs, "$1"));
  return words;
}

const isUrl = (text: string): boolean => /^postgres(?:ql)?:\/\//.test(text);

/**
 * A PostgreSQL connection string as a URL that the client for Node reads as libpq does: without `sslmode` the connection is
 * encrypted, as in the client of sops.
 *
 * @throws {TypeError} for text that is no connection string
 */
export function connectionUrl(text: string): string {
  const url = new URL(isUrl(text) ? text : "postgres://");
  if (!isUrl(text)) {
    for (const [name, value] of parseWords(text)) {
      const field = parts.get(name);
      if (field === undefined) url.searchParams.set(name, value);
      else url.searchParams.set(field, value);
    }
  }
  if (!url.searchParams.has("sslmode")) url.searchParams.set("sslmode", "require");
  url.searchParams.set("uselibpqcompat", "true");
  return url.href;
}

/** libpq's names that are others in the query of a URL. */
const parts = new Map([["dbname", "database"]]);

/**
 * The text without the password of a connection string.
 *
 * @param connection the connection string; by default the text itself is one
 */
export function hidePassword(text: string, connection: string = text): string {
  const passwords = isUrl(connection) ? urlPasswords(connection) : wordPasswords(connection);
  // Longest first: one may be the other's encoded form.
  return passwords
    .filter((password) => password !== "")
    .toSorted((a, b) => b.length - a.length)
    .reduce((hidden, password) => hidden.replaceAll(password, "***"), text);
}

/** As they are written, and as they are meant. */
function urlPasswords(text: string): string[] {
  const afterUser = /^\w+:\/\/[^:@/?#]*:(.*)@/s.exec(text)?.[1] ?? "";
  const named = [...text.matchAll(/[?&](?:ssl)?password=([^&#]*)/g)].map(([, value = ""]) => value);
  return [afterUser, ...named].flatMap((written) => {
    try {
      return [written, decodeURIComponent(written)];
    } catch {
      return [written];
    }
  });
}

function wordPasswords(text: string): string[] {
  const written = [...text.matchAll(/password\s*=\s*('(?:[^'\\]|\\.)*'?|\S+)/gs)].map(
    ([, value = ""]) => value,
  );
  return [...written, parseWords(text).get("password") ?? ""];
}
