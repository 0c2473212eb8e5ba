import { Help } from "commander";

/** What help is written on. */
export interface Sheet {
  /** In columns; 80 where nobody knows. */
  readonly width: number;
  /** It shows styles. */
  readonly isStyled: boolean;
}

const INDENT = "   ";
/** Terms that take more of the width are on a line of their own. */
const MAX_TERM_SHARE = 0.33;
const MIN_WIDTH = 40;

/** One part of a help text, under its heading. */
export type Block =
  /** A paragraph. */
  | { readonly kind: "text"; readonly text: string }
  /** A command line for a shell. */
  | { readonly kind: "line"; readonly line: string; readonly about?: string }
  | { readonly kind: "items"; readonly items: readonly (readonly [term: string, about: string])[] };

/** Help on a sheet: commander wraps and pads, as no line may be wider than the sheet and no word broken. */
export class Layout extends Help {
  private readonly sheet: Sheet;
  private readonly width: number;

  constructor(sheet: Sheet) {
    super();
    this.sheet = sheet;
    this.width = Math.max(MIN_WIDTH, sheet.width);
    this.minWidthToWrap = 20;
    this.prepareContext({ helpWidth: this.width - INDENT.length });
  }

  /** Sections with nothing in them are left out. */
  sections(parts: readonly (readonly [heading: string, blocks: readonly Block[]])[]): string {
    return parts
      .filter(([, blocks]) =>
        blocks.some((block) => block.kind !== "items" || block.items.length > 0),
      )
      .map(([heading, blocks]) => {
        const body = blocks.map((block) => this.block(block)).join("\n\n");
        return `${this.styleTitle(`${heading}:`)}\n${body.replaceAll(/^(?=.)/gm, INDENT)}\n`;
      })
      .join("\n");
  }

  override styleTitle(text: string): string {
    return this.styled(1, text);
  }

  override styleOptionTerm(text: string): string {
    return this.styled(36, text);
  }

  private styled(code: number, text: string): string {
    return this.sheet.isStyled ? `\u001b[${code}m${text}\u001b[0m` : text;
  }

  private block(block: Block): string {
    switch (block.kind) {
      case "text":
        return this.wrapped(block.text);
      case "line": {
        const about = block.about === undefined ? "" : `${this.wrapped(block.about, "# ")}\n`;
        return about + wrapShell(block.line, this.width - INDENT.length);
      }
      case "items":
        return this.items(block.items);
      default:
        return block satisfies never;
    }
  }

  private wrapped(text: string, prefix = ""): string {
    const width = this.width - INDENT.length - prefix.length;
    return this.boxWrap(text, width).replaceAll(/^/gm, prefix);
  }

  private items(items: readonly (readonly [string, string])[]): string {
    const most = Math.floor(MAX_TERM_SHARE * this.width);
    const lengths = items.map(([term]) => term.length).filter((length) => length <= most);
    const width = lengths.reduce((longest, length) => Math.max(longest, length), 4);
    return items.map(([term, about]) => this.item(term, width, about)).join("\n");
  }

  /** Without commander's indent of two columns. */
  private item(term: string, width: number, about: string): string {
    const unindented = (text: string): string => text.replaceAll(/^ {2}/gm, "");
    if (term.length <= width)
      return unindented(this.formatItem(this.styleOptionTerm(term), width, about, this));
    const [first = "", ...rest] = this.wrapped(term).split("\n");
    const terms = [first, ...rest.map((line) => `  ${line}`)].map((line) =>
      this.styleOptionTerm(line),
    );
    return [...terms, unindented(this.formatItem("", width, about, this))].join("\n");
  }
}

/** A command line on several lines, broken at spaces outside quotes. */
function wrapShell(line: string, width: number): string {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const lines: string[] = [];
  let current = "";
  for (const word of words) {
    const longer = current === "" ? word : `${current} ${word}`;
    if (current !== "" && longer.length > width - 2) {
      lines.push(current);
      current = `  ${word}`;
    } else current = longer;
  }
  return [...lines, current].join(" \\\n");
}
