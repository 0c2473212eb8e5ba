/**
 * A smaller document of which `fails` is still true: lines, then characters are left out for as long as that helps.
 *
 * @param limit how often `fails` may be asked
 */
export async function shrink(
  source: Uint8Array,
  fails: (smaller: Uint8Array) => Promise<boolean>,
  limit = 600,
): Promise<Uint8Array> {
  let asked = 0;
  // Latin-1 keeps every byte as one character.
  let best = Buffer.from(source).toString("latin1");
  const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
  const attempt = async (text: string): Promise<boolean> => {
    if (asked >= limit || text.length >= best.length) return false;
    asked++;
    if (!(await fails(bytes(text)))) return false;
    best = text;
    return true;
  };
  for (const split of [(text: string) => text.split(/(?<=\n)/), (text: string) => [...text]]) {
    for (let width = split(best).length >> 1; width >= 1; width >>= 1) {
      for (let at = 0; at < split(best).length;) {
        const parts = split(best);
        const isSmaller = await attempt(
          [...parts.slice(0, at), ...parts.slice(at + width)].join(""),
        );
        if (!isSmaller) at += width;
      }
    }
  }
  return bytes(best);
}
