/**
 * Keeps secrets out of what a program prints.
 *
 * @module sopsmith/redact
 */
import { Transform } from "node:stream";
import { Redactor } from "./redactor.ts";
import { secretsIn } from "./secret-values.ts";

/**
 * A stream that masks secrets as `***`, even where they are split between two chunks, and in base64, URL- and JSON-escaped form; every other byte
 * passes unchanged.
 *
 * @param values the secrets: text, a list, or an object such as `load` gives. Text of fewer than 6 characters, numbers, booleans, times and what
 *   is below a key that ends in `_unencrypted` are never masked.
 *
 * @example
 * child.stdout.pipe(redactStream(config)).pipe(process.stdout);
 */
export function redactStream(values: unknown): Transform {
  const redactor = new Redactor(secretsIn(values));
  return new Transform({
    transform(piece: Uint8Array | string, encoding, done) {
      const bytes = typeof piece === "string" ? Buffer.from(piece, encoding) : piece;
      done(null, some(redactor.write(bytes)));
    },
    flush(done) {
      done(null, some(redactor.end()));
    },
  });
}

const some = (bytes: Uint8Array): Uint8Array | undefined => (bytes.length > 0 ? bytes : undefined);

/**
 * Masks secrets in all that `console` prints from now on, on a terminal too. Text written directly to `process.stdout` is not masked.
 *
 * @param values as for {@link redactStream}
 * @returns a function that stops the masking
 */
export function patchConsole(values: unknown): () => void {
  const redactor = new Redactor(secretsIn(values));
  const originals = new Map<keyof Console, unknown>();
  for (const name of Object.keys(console) as (keyof Console)[]) {
    const original: unknown = Reflect.get(console, name);
    if (typeof original !== "function" || noPrinters.has(name)) continue;
    originals.set(name, original);
    Reflect.set(console, name, (...args: unknown[]): unknown =>
      withMaskedStreams(redactor, () => Reflect.apply(original, console, args) as unknown),
    );
  }
  return () => {
    for (const [name, original] of originals) Reflect.set(console, name, original);
  };
}

/** A class, and functions for debuggers. */
const noPrinters: ReadonlySet<string> = new Set(["Console", "context", "createTask"]);

/** Console writes each call's text at once, while the call runs. */
function withMaskedStreams<T>(redactor: Redactor, work: () => T): T {
  const streams = [process.stdout, process.stderr];
  const writes = streams.map((stream) => stream.write);
  for (const stream of streams) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = (piece: string | Uint8Array, ...rest: unknown[]): boolean => {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
      return write(Buffer.concat([redactor.write(bytes), redactor.end()]), ...rest);
    };
  }
  try {
    return work();
  } finally {
    for (const [index, stream] of streams.entries()) {
      const original = writes[index];
      if (original !== undefined) stream.write = original;
    }
  }
}
