import type { Chunks } from "../formats/format.ts";
import { loadFormat } from "../formats/index.ts";
import type { OpenVerbOptions } from "./decrypt.ts";
import { keptText } from "./encrypt.ts";
import { SopsmithError } from "./errors.ts";
import { open, seal } from "./file.ts";
import type { Host } from "./io/host.ts";
import type { LayoutChoice } from "./layout/choice.ts";
import { joinChunks } from "./tree/long-text.ts";

/** The file cannot have a layout of its own. Exit 1. */
export class LayoutRefused extends SopsmithError {
  constructor(file: string, reason: string) {
    super("layout-refused", 1, `the layout of ${file} cannot be kept: ${reason}`, { file });
  }
}

/**
 * Makes an encrypted file one that keeps its layout, or one that looks as sops writes it. Ciphertexts and `lastmodified` stay.
 *
 * @returns undefined for a file that is so already
 * @throws {LayoutRefused}
 * @throws {SopsmithError} as `open` and `seal`
 */
export async function relayoutSource(
  source: Uint8Array,
  layout: LayoutChoice,
  options: OpenVerbOptions,
  host: Host,
): Promise<Chunks | undefined> {
  const { file, indent, order, services, audit, warn, ignoreMac = false } = options;
  const format = await loadFormat(options.input);
  if (format.layout === undefined) {
    if (layout === "sops") return undefined;
    throw new LayoutRefused(file, `${format.name} files have no layout of their own`);
  }
  if (format.layout.isMarked(source) === (layout === "keep")) return undefined;
  const opened = await open(
    source,
    { file, format, order, services, audit, ignoreMac, remember: true, layout: "sops", warn },
    host,
  );
  const explain = (reason: string): never => {
    throw new LayoutRefused(file, reason);
  };
  try {
    const kept =
      layout === "keep"
        ? await keptText(
            joinChunks(format.emit(opened.documents, { sealed: false, indent, warn })),
            format,
            { layout, explain },
          )
        : undefined;
    // The time is that of the file, so that its MAC stays too.
    const modified = new Date(opened.metadata.lastModified);
    return await seal(
      opened,
      { file, format, indent, audit, warn, explain, onBadPattern: "never-match" },
      { ...host, now: () => modified },
      kept,
    );
  } finally {
    opened.dataKey.fill(0);
  }
}
