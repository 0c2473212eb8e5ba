import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { dirname, relative } from "node:path/posix";
import { fileModule } from "./module-text.ts";

/** Encrypted files that go into a bundle as they are, beside its code. */
export class BundledFiles {
  private readonly files = new Map<
    string,
    { readonly fileName: string; readonly source: Uint8Array }
  >();
  private readonly used = new Set<string>();

  /** A module that decrypts the file when the program starts; where the file will be, `placed` says later. */
  async add(path: string): Promise<string> {
    const source = await readFile(path);
    const hash = createHash("sha256").update(source).digest("hex").slice(0, 16);
    const mark = `sopsmith-file-${hash}`;
    this.files.set(mark, { fileName: `assets/${hash.slice(0, 8)}.${basename(path)}`, source });
    return fileModule(`"${mark}", import.meta.url`);
  }

  /** A part of the bundle with the addresses of the files in it; null where there are none. */
  placed(code: string, part: string): string | null {
    let changed = code;
    for (const [mark, { fileName }] of this.files) {
      if (!changed.includes(mark)) continue;
      this.used.add(mark);
      changed = changed.replaceAll(mark, relative(dirname(part), fileName));
    }
    return changed === code ? null : changed;
  }

  /** The files that the parts since the last call need. */
  *take(): Generator<{ readonly fileName: string; readonly source: Uint8Array }> {
    for (const mark of this.used) {
      const file = this.files.get(mark);
      if (file !== undefined) yield file;
    }
    this.used.clear();
  }
}
