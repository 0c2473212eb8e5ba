import type { Random } from "./random.ts";
import { nth, oddText, utf8, type Generator, type Sample } from "./sample.ts";

/** Spec 8.6: whole files. */
const contents: Record<string, (random: Random) => Uint8Array> = {
  "8.6 empty": () => utf8(""),
  "8.6 one byte": (random) => random.bytes(1),
  "8.6 random bytes": (random) => random.bytes(random.below(2000)),
  "8.6 larger than a block": (random) => random.bytes(70_000 + random.below(1000)),
  "8.6 text": (random) => utf8(`${oddText(random, 40)}\n`),
  "8.6 CRLF": () => utf8("a\r\nb\r\n"),
  "8.6 NUL": () => utf8("a\0b\0"),
  "8.6 not UTF-8": (random) =>
    Buffer.concat([utf8("x"), Buffer.from([0xff, 0xc0, 0x80]), random.bytes(9)]),
  "8.6 encoded surrogate": () => Buffer.from([0xed, 0xa0, 0x80, 0xed, 0xb2, 0x80]),
  "8.6 byte order mark": () => utf8("\ufefftext"),
  "8.6 JSON": () => utf8('{"data":"x","sops":{"mac":"y"}}'),
  "8.6 text like ciphertext": () => utf8("ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"),
  "8.6 YAML with a sops entry": () => utf8("a: 1\nsops:\n  mac: x\n"),
  "8.6 line feeds only": (random) => utf8("\n".repeat(1 + random.below(5))),
};

function generate(random: Random, index: number): Sample {
  const name = nth(Object.keys(contents), index);
  return { source: contents[name]?.(random) ?? utf8(""), rows: new Set([name]) };
}

export const binary: Generator = {
  format: "binary",
  rows: Object.keys(contents),
  refused: new Set(),
  generate,
};
