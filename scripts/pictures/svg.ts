import type { Span } from "./ansi.ts";

const column = 8.4;
const row = 20;
const padding = 18;
const bar = 30;

export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** For both: colours that follow the reader's, and a font of fixed width. */
export const styleSheet = `
    .frame { fill: #f6f8fa; stroke: #d0d7de }
    text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #1f2328 }
    .bold { font-weight: 700 } .dim { fill: #636c76 } .red { fill: #b3122b } .green { fill: #116329 }
    .yellow { fill: #7d4e00 } .blue { fill: #0550ae } .cyan { fill: #0b6e78 }
    .line { stroke: #636c76; fill: none } .head { fill: #636c76 }
    @media (prefers-color-scheme: dark) {
      .frame { fill: #161b22; stroke: #30363d }
      text { fill: #e6edf3 }
      .dim { fill: #9198a1 } .red { fill: #ff7b72 } .green { fill: #56d364 }
      .yellow { fill: #e3b341 } .blue { fill: #79c0ff } .cyan { fill: #56d4dd }
      .line { stroke: #9198a1 } .head { fill: #9198a1 }
    }`;

function textOf(spans: readonly Span[], x0: number, y: number): string {
  let at = 0;
  return spans
    .map(({ text, style }) => {
      const length = [...text].length;
      const x = x0 + at * column;
      at += length;
      if (text.trim() === "") return "";
      // The length is fixed, so that columns stay columns in any font.
      const attributes = `x="${x.toFixed(1)}" y="${y}" textLength="${(length * column).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
      const look = style === "plain" ? "" : ` class="${style}"`;
      return `  <text ${attributes}${look} xml:space="preserve">${escaped(text)}</text>\n`;
    })
    .join("");
}

/** A picture of a terminal: its lines, at most `columns` wide, below a title. */
export function terminalPicture(
  title: string,
  lines: readonly (readonly Span[])[],
  columns: number,
): string {
  const width = Math.ceil(columns * column + 2 * padding);
  const height = bar + lines.length * row + padding;
  const words = lines
    .map((spans) =>
      spans
        .map(({ text }) => text)
        .join("")
        .trimEnd(),
    )
    .join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
  <title>${escaped(title)}</title>
  <desc>${escaped(words)}</desc>
  <style>${styleSheet}
  </style>
  <rect class="frame" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
  <circle cx="18" cy="16" r="4.5" class="head" opacity="0.5"/><circle cx="34" cy="16" r="4.5" class="head" opacity="0.5"/><circle cx="50" cy="16" r="4.5" class="head" opacity="0.5"/>
  <text x="${width / 2}" y="20" text-anchor="middle" class="dim">${escaped(title)}</text>
${lines.map((spans, i) => textOf(spans, padding, bar + 16 + i * row)).join("")}</svg>
`;
}

/** Which sides of its cell a character of a drawing goes to. */
const strokes: Readonly<Record<string, string>> = {
  "─": "lr",
  "│": "tb",
  "┌": "rb",
  "┐": "lb",
  "└": "tr",
  "┘": "tl",
  "├": "tbr",
  "┤": "tbl",
  "┬": "lrb",
  "┴": "lrt",
  "┼": "lrtb",
};
const heads: Readonly<
  Record<string, readonly [side: string, points: (x: number, y: number) => string]>
> = {
  "▶": ["l", (x, y) => `${x - 4},${y - 4} ${x + 4},${y} ${x - 4},${y + 4}`],
  "◀": ["r", (x, y) => `${x + 4},${y - 4} ${x - 4},${y} ${x + 4},${y + 4}`],
  "▼": ["t", (x, y) => `${x - 4},${y - 4} ${x + 4},${y - 4} ${x},${y + 4}`],
  "▲": ["b", (x, y) => `${x - 4},${y + 4} ${x + 4},${y + 4} ${x},${y - 4}`],
};

/**
 * A drawing of text as a picture: the box-drawing characters become lines, triangles become the heads of arrows, and all else
 * stays text. A word between `*`s is bold.
 *
 * @param drawing its first line is the title
 */
export function drawingPicture(drawing: string): string {
  const [title = "", ...lines] = drawing.trimEnd().split("\n");
  while (lines[0]?.trim() === "") lines.shift();
  const columns = Math.max(...lines.map((line) => [...line].length));
  const width = Math.ceil(columns * column + 2 * padding);
  const height = lines.length * row + 2 * padding;
  const shapes: string[] = [];
  lines.forEach((line, j) => {
    const cells = [...line];
    const y = padding + j * row + row / 2;
    cells.forEach((cell, i) => {
      const x = padding + i * column + column / 2;
      const ends: Record<string, string> = {
        l: `H${(x - column / 2).toFixed(1)}`,
        r: `H${(x + column / 2).toFixed(1)}`,
        t: `V${y - row / 2}`,
        b: `V${y + row / 2}`,
      };
      const head = heads[cell];
      const sides = strokes[cell] ?? head?.[0] ?? "";
      if (sides !== "") {
        const path = [...sides].map((side) => `M${x.toFixed(1)} ${y}${ends[side]}`).join("");
        shapes.push(`  <path class="line" d="${path}"/>\n`);
      }
      if (head !== undefined) shapes.push(`  <polygon class="head" points="${head[1](x, y)}"/>\n`);
    });
    const rest = cells.map((cell) => (cell in strokes || cell in heads ? " " : cell)).join("");
    // Words that belong together are one text: two spaces part them.
    for (const { 0: words, index } of rest.matchAll(/\S+(?: \S+)*/g)) {
      const bold = /^\*(.*)\*$/.exec(words)?.[1];
      const x = padding + index * column;
      shapes.push(
        textOf([{ text: bold ?? words, style: bold === undefined ? "plain" : "bold" }], x, y + 5),
      );
    }
  });
  const words = lines
    .join("\n")
    .replaceAll(/[─│┌┐└┘├┤┬┴┼▶◀▼▲*]/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
  <title>${escaped(title)}</title>
  <desc>${escaped(words)}</desc>
  <style>${styleSheet}
  </style>
${shapes.join("")}</svg>
`;
}
