/** What a layer of an image holds; every owner is root. */
export type TarEntry =
  | { readonly path: string; readonly kind: "folder"; readonly mode: number }
  | {
      readonly path: string;
      readonly kind: "file";
      readonly mode: number;
      readonly content: Uint8Array;
    }
  | { readonly path: string; readonly kind: "symlink" | "hardlink"; readonly to: string };

const flags = { file: "0", hardlink: "1", symlink: "2", folder: "5" } as const;

/**
 * A tar archive (ustar). The same entries make the same bytes.
 *
 * @param time of every entry, in seconds since 1970
 * @throws for a path of more than 100 bytes
 */
export function tar(entries: readonly TarEntry[], time: number): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const content = entry.kind === "file" ? Buffer.from(entry.content) : Buffer.alloc(0);
    parts.push(header(entry, content.length, time), content);
    parts.push(Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}

function header(entry: TarEntry, size: number, time: number): Buffer {
  const block = Buffer.alloc(512);
  const text = (value: string, at: number, length: number): void => {
    if (Buffer.byteLength(value) > length)
      throw new Error(`${value} is too long for a tar archive`);
    block.write(value, at, "utf8");
  };
  const octal = (value: number, at: number, length: number): void =>
    text(value.toString(8).padStart(length - 1, "0"), at, length - 1);
  text(entry.kind === "folder" ? `${entry.path}/` : entry.path, 0, 100);
  octal("mode" in entry ? entry.mode : 0o777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(time, 136, 12);
  block.fill(" ", 148, 156);
  text(flags[entry.kind], 156, 1);
  if ("to" in entry) text(entry.to, 157, 100);
  text("ustar\0" + "00", 257, 8);
  text("root", 265, 32);
  text("root", 297, 32);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8);
  return block;
}
