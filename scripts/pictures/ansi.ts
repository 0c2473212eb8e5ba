/** How a run of characters looks: the names are classes of the picture's style sheet. */
export type Style = "plain" | "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan";

export interface Span {
  readonly text: string;
  readonly style: Style;
}

const styles: Readonly<Record<string, Style>> = {
  "0": "plain",
  "1": "bold",
  "2": "dim",
  "31": "red",
  "32": "green",
  "33": "yellow",
  "34": "blue",
  "36": "cyan",
  "90": "dim",
};

/**
 * A terminal's text as lines of spans. Of several styles at once the last one counts; other escape sequences than those that
 * set a style are left out.
 */
export function parseAnsi(text: string): Span[][] {
  let style: Style = "plain";
  return text.split("\n").map((line) => {
    const [first = "", ...rest] = line.split("\u001b[");
    const spans: Span[] = first === "" ? [] : [{ text: first, style }];
    for (const part of rest) {
      const [sequence = "", codes = "", kind] = /^([\d;]*)([A-Za-z])/.exec(part) ?? [];
      if (kind === "m")
        style = codes.split(";").reduce<Style>((last, code) => styles[code] ?? last, "plain");
      const words = part.slice(sequence.length);
      if (words !== "") spans.push({ text: words, style });
    }
    return spans;
  });
}

/** A line as a terminal of so many columns shows it. */
export function wrapped(spans: readonly Span[], columns: number): Span[][] {
  const lines: Span[][] = [[]];
  let left = columns;
  for (const { text, style } of spans) {
    let rest = [...text];
    while (rest.length > left) {
      lines.at(-1)?.push({ text: rest.slice(0, left).join(""), style });
      rest = rest.slice(left);
      lines.push([]);
      left = columns;
    }
    if (rest.length > 0) lines.at(-1)?.push({ text: rest.join(""), style });
    left -= rest.length;
  }
  return lines;
}
