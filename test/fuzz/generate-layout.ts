import type { Random } from "./random.ts";

/**
 * Random YAML texts in the styles that people write and programs do not: what keeping a layout has to keep. Values are such that both programs
 * can encrypt them.
 */
export function layoutText(random: Random): string {
  return new LayoutWriter(random).text();
}

const words = [
  "alpha",
  "b c",
  "x#y",
  "it's",
  "10.0.0.1",
  "v1.2",
  "no",
  "yes",
  "on it",
  "é日本",
  "a:b",
  "p@ss%word",
  "-dash",
  "C:\\dir",
];
const bare = [
  "1",
  "-5",
  "0x1F",
  "0o17",
  "017",
  "1_000",
  "1.50",
  "1e3",
  ".5",
  "+1",
  "1.0",
  ".inf",
  "-.INF",
  "0b11",
  "123456789012345678",
  "true",
  "False",
  "TRUE",
  "null",
  "~",
  "Null",
  "2020-01-01",
  "2020-01-01T10:00:00Z",
  "2001-12-14 21:59:43.10",
];
const doubled = [
  "a",
  "with space ",
  'q\\"q',
  "n\\nl",
  "\\u00e9",
  "é",
  "tab\\t",
  "\\x41",
  "true",
  "12",
  ": #",
  "  lead",
  "back\\\\slash",
  "",
  "\\U0001F600",
  "\\e[0m",
];
const singled = ["a", "it''s", "x: y", " sp ", "0x1F", "null", "# no", "{}", ""];
const tagged = [
  "!!str 5",
  "!local x",
  '!!int "7"',
  "!!binary aGk=",
  "!!float 1",
  '!!bool "true"',
  "&anchor v",
  "&more !!str w",
  "! plain",
];
const comments = [
  "# c",
  "#c",
  "#  a secret note",
  "## x",
  "#",
  "#\ttab",
  "# é",
  "# key: value",
  "#!shebang",
  "# 'quoted\" #twice",
];
const names = [
  "k",
  "key",
  "a-b",
  "with space",
  "Ü",
  "x.y",
  "open_unencrypted",
  "long_name_of_a_key",
];
const lines = [
  "text",
  "more words here",
  "# no comment",
  "key: v",
  "tail ",
  "é",
  "-----BEGIN",
  "- dash",
  "\ttab in front",
];

class LayoutWriter {
  private readonly random: Random;
  private out = "";
  private keys = 0;
  private readonly anchors: string[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  text(): string {
    const { random } = this;
    if (random.oneIn(12)) this.out += `${this.comment()}\n`;
    if (random.oneIn(10)) this.out += `---${random.pick(["", " # doc", "  "])}\n`;
    const documents = random.oneIn(10) ? 2 + random.below(2) : 1;
    for (let i = 0; i < documents; i++) {
      if (i > 0) this.out += random.pick(["---\n", "--- # next\n", "...\n---\n"]);
      this.anchors.length = 0;
      this.mapping(random.oneIn(15) ? 2 : 0, 3, false);
      this.between(0);
    }
    if (random.oneIn(20)) this.out += "...\n";
    if (random.oneIn(10)) this.out = this.out.replace(/\n+$/, "");
    if (random.oneIn(12)) this.out = this.out.replaceAll("\n", "\r\n");
    return random.oneIn(25) ? `\ufeff${this.out}` : this.out;
  }

  private comment(): string {
    return this.random.pick(comments);
  }

  /** What may follow a value on its line. */
  private behind(): string {
    const { random } = this;
    if (random.oneIn(7)) return random.pick([" ", "  ", "    ", "\t"]) + this.comment();
    return random.oneIn(12) ? random.pick([" ", "  "]) : "";
  }

  /** Blank lines and comments in front of an entry. */
  private between(column: number): void {
    const { random } = this;
    while (random.oneIn(8)) this.out += `${random.pick(["", "", " ".repeat(column)])}\n`;
    if (!random.oneIn(7)) return;
    const at = random.oneIn(5) ? random.below(column + 3) : column;
    this.out += `${" ".repeat(at)}${this.comment()}\n${random.oneIn(3) ? "\n" : ""}`;
  }

  private key(): string {
    const name = `${this.random.pick(names)}${++this.keys}`;
    return this.random.pick([name, name, name, name, `"${name}"`, `'${name}'`]);
  }

  private scalar(isInFlow: boolean): string {
    const { random } = this;
    switch (random.below(isInFlow ? 5 : 7)) {
      case 0:
      case 1: {
        const word = random.pick(words);
        return isInFlow && word.startsWith("-") ? "word" : word;
      }
      case 2:
        return `"${random.pick(doubled)}"`;
      case 3:
        return `'${random.pick(singled)}'`;
      case 4:
        return random.pick(bare);
      case 5:
        return random.pick(tagged);
      default:
        return this.anchors.length > 0 && random.oneIn(2)
          ? `*${random.pick(this.anchors)}`
          : random.pick(words);
    }
  }

  /** A value over several lines, in quotes or without. */
  private folded(column: number): string {
    const more = `\n${" ".repeat(column + 1 + this.random.below(4))}`;
    return this.random.pick([
      `one${more}two`,
      `"one${more}two\n${more}three"`,
      `'one${more}two'`,
      `"one \\${more}  two"`,
    ]);
  }

  private block(column: number): void {
    const { random } = this;
    const width = column + 1 + random.below(4);
    const count = 1 + random.below(4);
    const isDeep = random.oneIn(10);
    const digit = isDeep || random.oneIn(20) ? String(width - column) : "";
    const chomp = random.pick(["", "-", "+"]);
    const head = random.pick([chomp + digit, digit + chomp]);
    this.out += `${random.pick(["|", ">"])}${head}${random.oneIn(10) ? `  ${this.comment()}` : ""}\n`;
    for (let i = 0; i < count; i++) {
      if (i > 0 && i < count - 1 && random.oneIn(5)) {
        this.out += random.pick(["\n", `${" ".repeat(width)}\n`]);
        continue;
      }
      const text = random.pick(lines);
      const deeper = (i === 0 && isDeep) || (i > 0 && random.oneIn(10)) ? "  " : "";
      this.out += `${" ".repeat(width)}${deeper}${i === 0 ? text.trimStart() : text}\n`;
    }
    while (random.oneIn(6)) this.out += "\n";
  }

  private flow(depth: number): string {
    const { random } = this;
    const isMapping = random.oneIn(2);
    const gap = (): string =>
      random.oneIn(10) ? `\n${" ".repeat(14)}` : random.oneIn(3) ? " " : "";
    const items = Array.from({ length: random.below(4) }, () => {
      const value = depth > 0 && random.oneIn(5) ? this.flow(depth - 1) : this.scalar(true);
      return gap() + (isMapping ? `${this.key()}: ${value}` : value) + gap();
    });
    const last = items.length > 0 && random.oneIn(10) ? "," : "";
    const inner =
      items.join(random.oneIn(12) ? `, ${this.comment()}\n${" ".repeat(14)}` : ",") + last;
    return isMapping ? `{${inner}}` : `[${inner}]`;
  }

  private mapping(column: number, depth: number, isBegun: boolean): void {
    const { random } = this;
    const count = 1 + random.below(5);
    for (let i = 0; i < count; i++) {
      if (i > 0 || !isBegun) {
        this.between(column);
        this.out += " ".repeat(column);
      }
      const isExplicit = random.oneIn(40);
      this.out += isExplicit
        ? `? ${this.key()}\n${" ".repeat(column)}:`
        : `${this.key()}${random.oneIn(20) ? " " : ""}:`;
      this.value(column, isExplicit ? 0 : depth);
    }
  }

  private value(column: number, depth: number): void {
    const { random } = this;
    const choice = random.below(20);
    if (depth > 0 && choice < 7) {
      const name = `name${this.keys}`;
      const isNamed = random.oneIn(8);
      this.out += `${isNamed ? ` &${name}` : ""}${this.behind()}\n`;
      if (choice < 4) this.mapping(column + 1 + random.below(4), depth - 1, false);
      else this.list(random.oneIn(2) ? column : column + 1 + random.below(4), depth - 1);
      if (isNamed) this.anchors.push(name);
    } else if (choice < 10) {
      this.out += " ";
      this.block(column);
    } else if (choice < 12) {
      this.out += ` ${this.flow(1)}${this.behind()}\n`;
    } else if (choice === 12) {
      this.out += ` ${this.folded(column)}${this.behind()}\n`;
    } else if (choice === 13) {
      this.out += `${this.behind()}\n${" ".repeat(column + 2)}below${this.behind()}\n`;
    } else {
      this.out += `${random.pick([" ", " ", "  ", "\t"])}${this.scalar(false)}${this.behind()}\n`;
    }
  }

  private list(column: number, depth: number): void {
    const { random } = this;
    const count = 1 + random.below(4);
    for (let i = 0; i < count; i++) {
      this.between(column);
      this.out += `${" ".repeat(column)}-`;
      const choice = random.below(10);
      if (depth > 0 && choice < 2) {
        const gap = 1 + random.below(3);
        this.out += " ".repeat(gap);
        this.mapping(column + 1 + gap, depth - 1, true);
      } else if (choice === 2) {
        this.out += " ";
        this.block(column);
      } else if (choice === 3) {
        this.out += ` ${this.flow(1)}${this.behind()}\n`;
      } else {
        this.out += `${" ".repeat(1 + random.below(3))}${this.scalar(false)}${this.behind()}\n`;
      }
    }
  }
}
