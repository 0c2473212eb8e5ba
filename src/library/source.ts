import type { OpenVerbOptions } from "../decrypt.ts";
import { parseDecryptionOrder } from "../data-key/recover.ts";
import type { Host } from "../io/host.ts";
import { sealedFormat } from "../status.ts";
import { joinChunks } from "../tree/long-text.ts";
import { parsePath, PathSyntaxError, type Path } from "../tree/path.ts";
import { InvalidArgument } from "./argument.ts";
import { commonOptions, formatOf, type OpenOptions, type WriteOptions } from "./options.ts";
import { pathOf } from "./surroundings.ts";

/** A source and what messages call it. */
export interface Source {
  readonly bytes: Uint8Array;
  readonly file: string;
  /** Undefined for content that came without a file. */
  readonly path: string | undefined;
}

export function contentSource(content: string | Uint8Array): Source {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  return { bytes, file: "<input>", path: undefined };
}

/**
 * What opens an encrypted source.
 *
 * @throws {InvalidArgument} for identities that are none
 */
export async function openOptions(
  options: OpenOptions,
  { bytes, file, path }: Source,
  host: Host,
): Promise<OpenVerbOptions> {
  for (const { name, text } of host.identities ?? []) {
    const { problemWith } = await import("../keys/age/identities.ts");
    const problem = problemWith(text, name);
    if (problem !== undefined) throw new InvalidArgument(name, problem);
  }
  const format =
    options.format ?? (await sealedFormat(bytes, formatOf(path) ?? "yaml")) ?? formatOf(path);
  return {
    ...commonOptions(options, { file, format }, host),
    ignoreMac: options.ignoreMac ?? false,
    order: parseDecryptionOrder(options.decryptionOrder?.join(",")),
  };
}

/** Steps of a path that was given as text or as steps. */
export function stepsOf(path: Path | string, at: string): Path {
  if (typeof path !== "string") return path;
  try {
    return parsePath(path);
  } catch (error) {
    if (!(error instanceof PathSyntaxError)) throw error;
    throw new PathSyntaxError(`${at}: ${error.message}`, error.exitCode, PATH_HINT);
  }
}

const PATH_HINT = 'Write a path as text, such as ["key"]["inner"][0], or as an array of its steps.';

/** @throws {InvalidArgument} for both places at once */
export function checkWrite({ inPlace, output }: WriteOptions): void {
  if (inPlace === true && output !== undefined)
    throw new InvalidArgument("options.output", "it cannot be used together with inPlace");
}

/** Writes the result where that is wanted, and returns it. */
export async function written(
  content: Uint8Array,
  source: Source & { readonly path: string },
  options: WriteOptions,
  host: Host,
): Promise<Uint8Array> {
  const { inPlace, output } = options;
  if (inPlace !== true && output === undefined) return content;
  const { resolve } = await import("node:path");
  const target = resolve(host.cwd(), output === undefined ? source.path : pathOf(output));
  const isSame = Buffer.compare(content, source.bytes) === 0;
  if (isSame && target === resolve(host.cwd(), source.path)) return content;
  const { replaceFile } = await import("../io/atomic-write.ts");
  await replaceFile(target, [content], {
    ...(output === undefined ? {} : { purpose: "output" }),
    warn: (message) => host.warn(message),
  });
  return content;
}

/** The whole of some chunks, in memory of its own. */
export function owned(chunks: Parameters<typeof joinChunks>[0], source: Uint8Array): Uint8Array {
  const bytes = joinChunks(chunks);
  // A long value left unencrypted may be a part of the source itself, which is the caller's.
  return bytes.buffer === source.buffer ? Buffer.from(bytes) : bytes;
}
