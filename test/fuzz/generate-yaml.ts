import type { Random } from "./random.ts";
import { nth, oddText, utf8, word, type Generator, type Sample, type Table } from "./sample.ts";
import { endShapes, refusedShapes, refusedStreams, shapes, streams } from "./yaml-shapes.ts";
import { isFlowSafe, plainScalars, quoted, stringTexts, taggedScalars } from "./yaml-scalars.ts";

const crlf = "7.1 CRLF";
const crlfInBlock = "7.1 CRLF in a block scalar";
const notUtf8 = "7.1 bad UTF-8";
const noFinal = "7.3 no final line feed";

/** Writes the source of one stream. */
class Writer {
  readonly rows = new Set<string>();
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  row(name: string): void {
    this.rows.add(name);
  }

  fromTable(table: Table, n = this.#random.below(10_000)): string {
    const name = nth(Object.keys(table), n);
    this.row(name);
    return table[name]?.(this.#random) ?? "";
  }

  /** One of a row's pieces, with fresh names, moved in by `indent`. */
  piece(
    pieces: Record<string, readonly string[]>,
    n = this.#random.below(10_000),
    indent = 0,
  ): string {
    const name = nth(Object.keys(pieces), n);
    this.row(name);
    const text = nth(pieces[name] ?? [], Math.floor(n / Object.keys(pieces).length));
    return this.#named(text).replaceAll(/^(?=[^\n])/gm, " ".repeat(indent));
  }

  #named(text: string): string {
    const own = new Map<string, string>();
    return text.replaceAll(/@([a-y])(?![a-z])/g, (_, letter: string) => {
      const name = own.get(letter) ?? `${letter}${++this.#names}`;
      own.set(letter, name);
      return name;
    });
  }

  key(): string {
    const random = this.#random;
    const name = `${word(random, 2 + random.below(4))}${++this.#names}`;
    if (random.oneIn(8)) return `${name}_unencrypted`;
    return random.oneIn(8) ? quoted(random, name + oddText(random, 3)) : name;
  }

  comment(): string {
    const random = this.#random;
    const text = random.oneIn(4)
      ? oddText(random).replaceAll(/[\u0080-\u009f\u2028\u2029\u007f\ufeff\ufffe]/g, "")
      : word(random);
    return `#${random.pick([" ", " ", " ", "", "\t", "#"])}${random.oneIn(12) ? "" : text}`;
  }

  /** What may stand between two entries: blank lines and comments at every column. */
  between(indent: number): string {
    const random = this.#random;
    const column = (): number =>
      Math.max(
        0,
        random.pick([
          indent,
          indent,
          indent,
          0,
          indent + 2,
          indent + 1,
          indent - 2,
          indent - 1,
          indent + 4,
        ]),
      );
    let text = "";
    switch (random.below(9)) {
      case 0:
        text = random.pick(["\n", "\n\n", "  \n"]);
        break;
      case 1:
      case 2:
        text = `${" ".repeat(column())}${this.comment()}\n`;
        if (random.oneIn(2))
          text += `${random.pick(["", "", "\n"])}${" ".repeat(column())}${this.comment()}\n`;
        if (random.oneIn(3)) text = `\n${text}`;
        if (random.oneIn(3)) text += "\n";
    }
    return text;
  }

  lineComment(): string {
    return this.#random.oneIn(5) ? ` ${this.comment()}` : "";
  }

  /** A scalar on one line. */
  scalar(inFlow = false): string {
    const random = this.#random;
    const kind = random.below(10);
    const text =
      kind < 4
        ? this.fromTable(plainScalars)
        : kind < 9
          ? quoted(random, this.fromTable(stringTexts))
          : this.fromTable(taggedScalars);
    return inFlow && !isFlowSafe(text) ? "x" : text;
  }

  flow(depth: number, indent: number): string {
    const random = this.#random;
    const isMap = random.oneIn(2);
    const pad = " ".repeat(indent + 1 + random.below(3));
    const isTall = random.oneIn(4);
    const items: string[] = [];
    for (let i = random.below(4); i > 0; i--) {
      const value =
        depth > 0 && random.oneIn(3) ? this.flow(depth - 1, indent + 2) : this.scalar(true);
      items.push(isMap ? `${this.key()}: ${value}` : value);
    }
    if (!isTall) return isMap ? `{${items.join(", ")}}` : `[${items.join(", ")}]`;
    const lines = items.map(
      (item) =>
        `${random.oneIn(3) ? `${pad}${this.comment()}\n` : ""}${pad}${item},${this.lineComment()}\n`,
    );
    const end = random.oneIn(3) ? `${pad}${this.comment()}\n` : "";
    return `${isMap ? "{" : "["}${this.lineComment()}\n${lines.join("")}${end}${pad}${isMap ? "}" : "]"}`;
  }

  /** A block scalar, header and lines, without what stands before the header. */
  block(indent: number): string {
    const random = this.#random;
    const step = 1 + random.below(4);
    const digit = random.oneIn(4);
    const chomp = random.pick(["", "", "-", "+"]);
    const header = random.oneIn(2)
      ? `${digit ? step : ""}${chomp}`
      : `${chomp}${digit ? step : ""}`;
    const pad = " ".repeat(indent + step);
    const lines: string[] = [];
    for (let i = random.below(5); i > 0; i--) {
      lines.push(
        pad +
          (digit && random.oneIn(4) ? "  " : "") +
          word(random) +
          random.pick(["", "", "", " ", "\t", " # x", ": y"]),
      );
      if (random.oneIn(4)) lines.push("");
      if (random.oneIn(4)) lines.push(`${pad}  ${word(random)}`);
    }
    return `${random.pick(["|", "|", ">"])}${header}${this.lineComment()}\n${lines.map((line) => `${line}\n`).join("")}`;
  }

  /** What follows `key:` or `-`, to the end of its last line. `indent` is that of the key or dash. */
  value(indent: number, depth: number): string {
    const random = this.#random;
    const kind = random.below(depth > 0 ? 12 : 8);
    if (kind < 5) return ` ${this.scalar()}${this.lineComment()}\n`;
    if (kind < 6) return ` ${this.flow(2, indent)}${this.lineComment()}\n`;
    if (kind < 7) return ` ${this.block(indent)}`;
    if (kind < 8) return `${this.lineComment()}\n`;
    const head = `${this.lineComment()}\n${this.between(indent + 2)}`;
    if (kind < 10) return head + this.entries(indent + random.pick([1, 2, 2, 3, 4]), depth - 1);
    return head + this.elements(indent + random.pick([0, 2, 2, 4]), depth - 1);
  }

  elements(indent: number, depth: number): string {
    const random = this.#random;
    let text = "";
    for (let i = 1 + random.below(3); i > 0; i--) {
      text += this.between(indent);
      const inner =
        random.oneIn(4) && depth > 0 ? this.entries(indent + 2, depth - 1).replace(/^ +/, "") : "";
      // A mapping may start on the line of its dash, unless a comment or blank line would come first.
      text += /^[^#\s]/.test(inner)
        ? `${" ".repeat(indent)}- ${inner}`
        : `${" ".repeat(indent)}-${this.value(indent, depth).replace(/^(?=\n *- )/, " ")}`;
    }
    return text + this.between(indent);
  }

  /** Entries of a block mapping. */
  entries(indent: number, depth: number, least = 1): string {
    const random = this.#random;
    let text = "";
    for (let i = least + random.below(3); i > 0; i--) {
      text += this.between(indent);
      text += random.oneIn(4)
        ? this.piece(shapes, undefined, indent)
        : `${" ".repeat(indent)}${this.key()}:${this.value(indent, depth)}`;
    }
    return text + this.between(indent);
  }
}

const refusals = { ...refusedShapes, ...refusedStreams };

function generate(random: Random, index: number): Sample {
  const writer = new Writer(random);
  const isRefused = index % 10 === 5;
  const turn = Math.floor(index / 10);
  /** The root of a document; the pieces whose turn it is stand in the first one. */
  let rest = [
    (): string => writer.piece(shapes, index),
    (): string => `k${index}a: ${writer.fromTable(plainScalars, index)}\n`,
    (): string => `k${index}b: ${quoted(random, writer.fromTable(stringTexts, index))}\n`,
    (): string => `k${index}c: ${writer.fromTable(taggedScalars, index)}\n`,
  ];
  const root = (): string => {
    const own = rest.map((make) => make());
    rest = [];
    own.push(writer.entries(0, 3));
    return own.join(random.oneIn(2) ? writer.between(0) : "");
  };
  const refusedRow = nth(Object.keys(refusals), turn);
  let text: string;
  if (isRefused && refusedRow in refusedShapes) {
    text =
      root() +
      writer.piece(
        { [refusedRow]: refusals[refusedRow] ?? [] },
        Math.floor(turn / Object.keys(refusals).length),
      );
  } else {
    const isStream = isRefused || index % 4 === 1;
    const pattern = isRefused
      ? writer.piece(
          { [refusedRow]: refusals[refusedRow] ?? [] },
          Math.floor(turn / Object.keys(refusals).length),
        )
      : isStream
        ? writer.piece(streams, index >> 2)
        : "@@";
    text = pattern.split("@@").reduce((out, part) => out + root() + part);
    if (!isStream && index % 7 === 3) text += writer.piece(endShapes, Math.floor(index / 7));
  }
  if (random.oneIn(12) && text.endsWith("\n")) {
    writer.row(noFinal);
    text = text.slice(0, -1);
  }
  if (index % 14 === 4) {
    writer.row(crlf);
    if (/[|>][-+0-9]*( #.*)?\n +\S/.test(text)) writer.row(crlfInBlock);
    text = text.replaceAll("\n", "\r\n");
  }
  if (index % 70 === 6) {
    writer.row(notUtf8);
    return {
      source: Buffer.concat([
        utf8(text),
        Buffer.from("\nbad: "),
        Buffer.from(random.pick([[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80]])),
        Buffer.from("\n"),
      ]),
      rows: writer.rows,
    };
  }
  return { source: utf8(text), rows: writer.rows };
}

export const yaml: Generator = {
  format: "yaml",
  rows: [shapes, endShapes, streams, refusals, plainScalars, stringTexts, taggedScalars]
    .flatMap((table) => Object.keys(table))
    .concat(crlf, crlfInBlock, notUtf8, noFinal),
  refused: new Set([...Object.keys(refusals), notUtf8]),
  generate,
};
