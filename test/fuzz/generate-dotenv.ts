import type { Random } from "./random.ts";
import { nth, oddText, utf8, word, type Generator, type Sample, type Table } from "./sample.ts";

const text = (random: Random): string => oddText(random);

/** Lines; none ends in a line feed. */
const lines: Table = {
  "9.1 plain variable": (random) => `${word(random).toUpperCase()}=${word(random)}`,
  "9.1 blank line": () => "",
  "9.1 comment": (random) => `#${random.pick([" ", "", "!", "#", "\t"])}${text(random)}`,
  "9.1 bare comment": () => "#",
  "9.1 no trimming": (random) => ` ${word(random)} = ${word(random)} `,
  "9.1 no quotes": (random) => `${word(random)}=${random.pick([`"x y"`, `'q'`, `"a`, "`b`"])}`,
  "9.1 export": (random) => `export ${word(random)}=3`,
  "9.1 equals sign in the value": (random) => `${word(random)}==a=b=`,
  "9.1 hash in the value": (random) => `${word(random)}=a#b # c`,
  "9.1 empty value": (random) => `${word(random)}=`,
  "9.1 empty key": () => "=v",
  "9.1 key with blanks": () => "a b c=1",
  "9.1 duplicate": () => random2("DUP"),
  "9.1 escaped line feed": (random) => `${word(random)}=a\\nb\\n`,
  "9.1 backslash before n": (random) =>
    `${word(random)}=${random.pick(["a\\\\nb", "\\\\\\n", "\\n", "\\\\n\\\\n", "a\\", "\\r\\t"])}`,
  "9.1 carriage return": (random) => `${word(random)}=x\r`,
  "9.1 interpolation": (random) => `${word(random)}=\${HOME} $(ls) %s`,
  "9.1 odd characters": (random) => `${word(random)}=${text(random)}`,
  "9.1 control characters": (random) =>
    `${word(random)}=a${random.pick(["\u0000", "\u0001", "\u001b", "\u007f", "\u0085"])}b`,
  "9.1 U+2028": (random) => `${word(random)}=\u2028${word(random)}\u2029`,
  "9.1 astral character": (random) => `${word(random)}=\u{1F600}`,
  "9.1 text like ciphertext": (random) =>
    `${word(random)}=${random.pick(["ENC[x]", "ENC[AES256_GCM,data:x]"])}`,
  "9.1 text like a number": (random) =>
    `${word(random)}=${random.pick(["1", "1.0", "true", "null", "<nil>"])}`,
  "9.1 sops without underscore": () => "sops=1",
  "9.1 key left in clear": (random) => `${word(random)}_unencrypted=${text(random)}`,
  "9.1 key of an object's prototype": (random) =>
    `${random.pick(["__proto__", "constructor", "toString"])}=1`,
  "9.1 long value": (random) => `${word(random)}=${"0123456789".repeat(100 + random.below(900))}`,
};

const random2 = (key: string): string => `${key}=1\n${key}=2`;

const refusals: Table = {
  "9.1 no equals sign": (random) =>
    random.pick(["novalue", "  # indented", "  ", "\t", "export X", "\r"]),
  "6 sops_ prefix": (random) => random.pick(["sops_x=1", "sops_=1", "sops_mac=x"]),
};

const whole = {
  "9.1 empty file": "",
  "9.1 only comments": "# a\n#b\n",
  "9.1 byte order mark": "\ufeffA=1\nB=2\n",
} as const;

const notUtf8 = "9.1 not UTF-8";
const noFinal = "9.1 no final line feed";
const crlf = "9.1 CRLF";

function generate(random: Random, index: number): Sample {
  const rows = new Set<string>();
  const from = (table: Table, n: number): string => {
    const name = nth(Object.keys(table), n);
    rows.add(name);
    return table[name]?.(random) ?? "";
  };
  if (index % 40 === 3) {
    const name = nth(Object.keys(whole) as (keyof typeof whole)[], Math.floor(index / 40));
    return { source: utf8(whole[name]), rows: rows.add(name) };
  }
  const out: string[] = [];
  for (let i = 1 + random.below(8); i > 0; i--) out.push(from(lines, random.below(1000)));
  out.push(from(lines, index));
  if (index % 10 === 5)
    out.splice(random.below(out.length), 0, from(refusals, Math.floor(index / 10)));
  let end = "\n";
  if (random.oneIn(6)) {
    end = "";
    rows.add(noFinal);
  }
  let source = out.join("\n") + end;
  if (index % 12 === 1) {
    source = source.replaceAll(/(?<=[^\n])\n/g, "\r\n");
    rows.add(crlf);
  }
  if (index % 12 === 2) {
    rows.add(notUtf8);
    const raw = Buffer.from([
      0x0a, 0x42, 0x3d, 0x61, 0xff, 0xfe, 0xc3, 0x28, 0x0a, 0x23, 0x80, 0x0a,
    ]);
    return { source: Buffer.concat([utf8(source), raw]), rows };
  }
  return { source: utf8(source), rows };
}

export const dotenv: Generator = {
  format: "dotenv",
  rows: [lines, refusals, whole]
    .flatMap((table) => Object.keys(table))
    .concat(notUtf8, noFinal, crlf),
  refused: new Set(Object.keys(refusals)),
  generate,
};
