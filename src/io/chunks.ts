/** The pieces of a file, to be written one after the other; they may be gone through more than once. */
export type Chunks = Iterable<string | Uint8Array>;

const BATCH_LENGTH = 1 << 16;

/**
 * The bytes of many pieces in batches worth a system call each; text is written as UTF-8. A surrogate pair may be split
 * between two pieces of text.
 */
export function* batches(chunks: Chunks): Generator<Uint8Array> {
  let text = "";
  for (const chunk of chunks) {
    if (typeof chunk !== "string") {
      if (text !== "") yield Buffer.from(text);
      text = "";
      if (chunk.length > 0) yield chunk;
      continue;
    }
    // A long piece is not held a second time as bytes.
    for (let at = 0; at < chunk.length; at += BATCH_LENGTH) {
      text += chunk.slice(at, at + BATCH_LENGTH);
      if (text.length < BATCH_LENGTH) continue;
      const end = endsInHalfPair(text) ? text.length - 1 : text.length;
      yield Buffer.from(text.slice(0, end));
      text = text.slice(end);
    }
  }
  if (text !== "") yield Buffer.from(text);
}

function endsInHalfPair(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}
