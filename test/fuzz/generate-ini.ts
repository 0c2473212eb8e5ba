import type { Random } from "./random.ts";
import { nth, oddText, utf8, word, type Generator, type Sample, type Table } from "./sample.ts";

const k = (random: Random): string => word(random, 3 + random.below(5));
const safe = (random: Random): string => oddText(random).replaceAll(/["'`\\#;=:[\]]/g, "x");

/** Lines inside a section; none ends in a line feed. */
const lines: Table = {
  "9.2 plain key": (random) => `${k(random)} = ${word(random)}`,
  "9.2 key without blanks": (random) => `${k(random)}=${word(random)}`,
  "9.2 colon": (random) => `${k(random)}: ${word(random)}`,
  "9.2 leading white space": (random) => `${random.pick(["  ", "\t", " \t "])}${k(random)} = 1`,
  "9.2 blank line": (random) => random.pick(["", "  ", "\t"]),
  "9.2 comment ;": (random) => `; ${safe(random)}`,
  "9.2 comment #": (random) => `# ${safe(random)}`,
  "9.2 comment in several lines": (random) =>
    `${random.pick(["# a\n# b", "; a\n# b", "#a\n;b\n;;c", "; a\n\n; b", ";\n; x", "##  x\n#"])}\n${k(random)} = 1`,
  "9.2 bare comment": (random) => `${random.pick(["#", ";", "; ", "#;"])}\n${k(random)}=1`,
  "9.2 indented comment": (random) => `   ; in\n${k(random)} = 1`,
  "9.2 inline comment": (random) => `${k(random)} = v ${random.pick([";", "#"])} c`,
  "9.2 inline comment without a blank": (random) => `${k(random)} = v${random.pick([";", "#"])}c`,
  "9.2 comment above and inline": (random) => `# above\n${k(random)} = v ; inline`,
  "9.2 comment cuts a quoted value": (random) => `${k(random)} = "x # y"`,
  "9.2 double quotes": (random) => `${k(random)} = "${random.pick(["q", " x ", "", "a b"])}"`,
  "9.2 single quotes": (random) => `${k(random)} = '${random.pick(["q", " x ", "", "a b"])}'`,
  "9.2 quote inside a quoted value": (random) => `${k(random)} = "a"b"`,
  "9.2 quotes do not agree": (random) =>
    `${k(random)} = ${random.pick(['"un', "un'", `"x'`, `'`, `"`])}`,
  "9.2 backtick value": (random) =>
    `${k(random)} = \`${random.pick(["b;c", "b#c", "", "x = y", " z "])}\``,
  "9.2 backtick value over lines": (random) => `${k(random)} = \`one\ntwo\``,
  "9.2 triple quotes": (random) =>
    `${k(random)} = """${random.pick(["x", " y ", "a;b", 'a"b', ""])}"""`,
  "9.2 triple quotes over lines": (random) =>
    `${k(random)} = """x\n${random.pick(["", "  ", "# "])}y\n\nz"""`,
  "9.2 continuation": (random) => `${k(random)} = a \\\n  b`,
  "9.2 continuation over lines": (random) => `${k(random)} = a \\\n  b \\\nc # d`,
  "9.2 continuation ended by an empty line": (random) => `${k(random)} = a \\\n\n`,
  "9.2 empty value": (random) => `${k(random)}${random.pick([" =", "=", " = ", ":"])}`,
  "9.2 delimiter in the value": (random) => `${k(random)} = a=b:c`,
  "9.2 no interpolation": (random) => `${k(random)} = %(x)s \${y} \\t`,
  "9.2 repeated key": (random) => `dup = 1\n${k(random)} = 2\ndup = 3`,
  "9.2 case of names": () => "Case = 1\ncase = 2\nCASE = 3",
  "9.2 key in double quotes": (random) => `"${k(random)}" = 1`,
  "9.2 key in backticks": (random) => `\`${k(random)}=x\` = 1`,
  "9.2 key in triple quotes": (random) => `"""${k(random)}\`x""" = 1`,
  "9.2 key with blanks": (random) => `${k(random)} ${k(random)} = 1`,
  "9.2 dotted key": (random) => `${k(random)}.${k(random)} = 1`,
  "9.2 odd key": (random) =>
    `${k(random)}${random.pick(["é", "\u{1F600}", "[x]", "]", "-", "漢"])} = 1`,
  "9.2 text like another type": (random) =>
    `${k(random)} = ${random.pick(["1", "1.0", "true", "null", "2020-01-02"])}`,
  "9.2 odd characters": (random) => `${k(random)} = ${safe(random)}`,
  "9.2 U+2028": (random) => `${k(random)} = a\u2028b`,
  "9.2 astral character": (random) => `${k(random)} = \u{1F600}`,
  "9.2 control characters": (random) =>
    `${k(random)} = a${random.pick(["\u0000", "\u0001", "\u001b", "\u007f", "\u000b"])}b`,
  "9.2 wide white space": (random) =>
    `${k(random)} = ${random.pick(["\u00a0x\u00a0", "\u3000x", "x\u2003", "\u0085x"])}`,
  "9.2 key of an object's prototype": (random) =>
    `${random.pick(["__proto__", "constructor", "toString"])} = 1`,
  "9.2 key left in clear": (random) => `${k(random)}_unencrypted = ${word(random)}`,
  "9.3 alignment": (random) => `a = 1\n${word(random, 20)} = 2\né = 3`,
  "9.3 quoted value: line feed": (random) => `${k(random)} = \`a\nb;\``,
  "9.3 quoted value: backtick": (random) => `${k(random)} = """a\`b"""`,
  "9.3 quoted value: comment sign": (random) => `${k(random)} = \`a;b#c\``,
  "9.3 quoted value: white space": (random) => `${k(random)} = " a "`,
  "9.3 value that ends in a backslash": (random) => `${k(random)} = \`a\\\``,
  "9.3 value wrapped in quotes": (random) => `${k(random)} = \`${random.pick(['"x"', "'x'"])}\``,
  "9.2 long value": (random) => `${k(random)} = ${"0123456789".repeat(100 + random.below(500))}`,
};

const headers: Table = {
  "9.2 section": (random) => `[${k(random)}]`,
  "9.2 section name with blanks": (random) => `[ ${k(random)} x ]`,
  "9.2 section name with a bracket": (random) => `[${k(random)}]]`,
  "9.2 dotted section": (random) => `[${k(random)}.${k(random)}]`,
  "9.2 odd section name": (random) =>
    `[${random.pick(["é", "\u{1F600}", '"q"', "a:b", "a=b", "a;b", "__proto__", "constructor"])}]`,
  "9.2 comment behind a section": (random) =>
    `[${k(random)}] ${random.pick(["; c", "# c", "x ; c"])}`,
  "9.2 comment above a section": (random) => `; above\n[${k(random)}]`,
  "9.2 comment in several lines above a section": (random) =>
    `; one\n;  two\n#three\n\n[${k(random)}]`,
  "9.2 repeated section": () => "[rep]\nx = 1\n[rep]\ny = 2",
  "9.2 explicit DEFAULT": () => "[DEFAULT]\nd = 1",
  "9.2 empty section": (random) => `[${k(random)}]\n[${k(random)}]`,
  "9.2 indented section": (random) => `  [${k(random)}]`,
  "9.2 case of section names": () => "[Sect]\na = 1\n[sect]\nb = 2",
};

const refusals: Table = {
  "9.2 unclosed section": (random) => `[${k(random)}`,
  "9.2 empty section name": () => "[]",
  "9.2 missing closing key quote": (random) => `"${k(random)} = 1`,
  "9.2 no delimiter": (random) => random.pick([k(random), "\u2028"]),
  "9.2 empty key": (random) => random.pick(["=1", ":1"]),
  "9.2 unclosed value": (random) => `${k(random)} = """x\ny`,
  "6 sops section": () => "[sops]\na = 1",
};

/** sops writes what it cannot read back, sopsmith refuses: D7. */
const departures: Table = {
  "9.2 key -": () => "- = 1\n- = 2",
  "9.3 key that begins with a comment sign": () => "`#x` = 1",
  "9.3 key that begins with a bracket": () => "`[x` = 1",
};

const whole: Record<string, string> = {
  "9.2 empty file": "",
  "9.2 only comments": "; a\n# b\n",
  "9.2 byte order mark": "\ufeff[s]\na = 1\n",
  "9.2 keys before the first section": "a = 1\n; c\nb = 2\n[s]\nc = 3\n",
  "9.2 comment before the first key": "; head\n\na = 1\n",
};

const crlf = "9.2 CRLF";
const noFinal = "9.2 no final line feed";
const notUtf8 = "9.2 not UTF-8";
const commentAtEnd = "9.2 comment at the end";

function generate(random: Random, index: number): Sample {
  const rows = new Set<string>();
  const from = (table: Table, n: number): string => {
    const name = nth(Object.keys(table), n);
    rows.add(name);
    return table[name]?.(random) ?? "";
  };
  if (index % 30 === 3) {
    const name = nth(Object.keys(whole), Math.floor(index / 30));
    return { source: utf8(whole[name] ?? ""), rows: rows.add(name) };
  }
  const out: string[] = [];
  const fill = (): void => {
    for (let i = random.below(6); i > 0; i--) out.push(from(lines, random.below(10_000)));
  };
  if (random.oneIn(3)) fill();
  for (let i = random.below(3); i >= 0; i--) {
    out.push(from(headers, i === 0 ? index : random.below(1000)));
    fill();
  }
  out.push(from(lines, index));
  fill();
  if (index % 10 === 5)
    out.splice(
      random.below(out.length + 1),
      0,
      from({ ...refusals, ...departures }, Math.floor(index / 10)),
    );
  if (random.oneIn(6)) out.push(`; ${from({ [commentAtEnd]: word }, 0)}`);
  let source = out.join("\n");
  if (random.oneIn(6)) rows.add(noFinal);
  else source += "\n";
  if (index % 12 === 1) {
    rows.add(crlf);
    source = source.replaceAll("\n", "\r\n");
  }
  if (index % 12 === 2) {
    rows.add(notUtf8);
    return {
      source: Buffer.concat([
        utf8(source),
        Buffer.from("\nbad = a"),
        Buffer.from([0xff, 0xc3]),
        Buffer.from("b\n"),
      ]),
      rows,
    };
  }
  return { source: utf8(source), rows };
}

export const ini: Generator = {
  format: "ini",
  rows: [lines, headers, refusals, departures, whole]
    .flatMap((table) => Object.keys(table))
    .concat(crlf, noFinal, notUtf8, commentAtEnd),
  refused: new Set(Object.keys(refusals)),
  generate,
};
