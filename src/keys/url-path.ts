import { RemoteFailure } from "./remote.ts";

/**
 * A name from a file, encoded as part of a URL's path. Its slashes stay.
 *
 * @param what the name is called in the message
 * @param options.emptyAllowed for services whose names may hold empty segments, such as object stores
 * @throws {RemoteFailure} for a segment `.`, `..` or, as a rule, an empty one: the request would go to another path
 */
export function urlPath(name: string, what: string, options = { emptyAllowed: false }): string {
  const segments = name.split("/");
  const isUnsafe = (segment: string): boolean =>
    segment === "." || segment === ".." || (segment === "" && !options.emptyAllowed);
  if (segments.some(isUnsafe))
    throw new RemoteFailure(
      `the ${what} ${JSON.stringify(name)} has a segment that is empty, "." or ".."`,
      "correct it: a request would go to another path on the server",
    );
  return segments.map(encodeURIComponent).join("/");
}
