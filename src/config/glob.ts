/** What a wildcard of a file pattern is as a regular expression; undefined for any other text. */
export function wildcardSource(part: string): string | undefined {
  switch (part) {
    case "**/":
      return "(.*/)?";
    case "**":
      return ".*";
    case "*":
      return "[^/]*";
    case "?":
      return "[^/]";
    default:
      return undefined;
  }
}
