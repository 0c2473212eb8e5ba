/** A pattern in which `*` stands for any text and `?` for one character. */
export function globMatcher(glob: string): (name: string) => boolean {
  const source = glob.replaceAll(/[\\^$.*+?()[\]{}|]/g, (char) =>
    char === "*" ? ".*" : char === "?" ? "." : `\\${char}`,
  );
  const pattern = new RegExp(`^(?:${source})$`, "s");
  return (name) => pattern.test(name);
}
