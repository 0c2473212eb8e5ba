import type { Access, Person } from "./access.ts";
import { width } from "./table.ts";
import { countFiles, legend, markOf, openedBy, rowLabel, rowsOf, type Mark } from "./who-text.ts";

/** Sizes in pixels. */
const [cell, line, margin, letter] = [30, 26, 24, 7.3];
/** Longer labels lose their beginning, which is what the names of files share. */
const LONGEST = 56;

const names: Readonly<Record<Exclude<Mark, "">, string>> = {
  "●": "alone",
  "◐": "others",
  "○": "missing",
  "✕": "extra",
};

interface Colors {
  readonly background: string;
  readonly text: string;
  readonly muted: string;
  readonly rule: string;
  readonly band: string;
  readonly alone: string;
  readonly others: string;
  readonly extra: string;
}

const light: Colors = {
  background: "#ffffff",
  text: "#1f2328",
  muted: "#59636e",
  rule: "#d1d9e0",
  band: "#f6f8fa",
  alone: "#1a7f37",
  others: "#9a6700",
  extra: "#cf222e",
};
const dark: Colors = {
  background: "#0d1117",
  text: "#f0f6fc",
  muted: "#9198a1",
  rule: "#3d444d",
  band: "#151b23",
  alone: "#3fb950",
  others: "#d29922",
  extra: "#f85149",
};

/** Written out, as not every reader of SVG knows variables. */
const colored = ({ background, text, muted, rule, band, alone, others, extra }: Colors): string => `
  text { fill: ${text}; }
  .muted { fill: ${muted}; }
  .background { fill: ${background}; }
  .band { fill: ${band}; }
  .rule { stroke: ${rule}; }
  .alone { fill: ${alone}; }
  .half { fill: ${others}; }
  .ring { fill: none; stroke: ${others}; stroke-width: 1.5; }
  .missing { fill: none; stroke: ${muted}; stroke-width: 1.5; stroke-dasharray: 2.5 2; }
  .extra { fill: none; stroke: ${extra}; stroke-width: 2.2; stroke-linecap: round; }
`;

const style = `
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
  .title { font: 600 16px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
  .note { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
  .count { text-anchor: middle; }
${colored(light)}
  @media (prefers-color-scheme: dark) {${colored(dark)}  }
`;

const SYMBOLS = `
  <symbol id="alone" viewBox="-8 -8 16 16"><circle class="alone" r="6"/></symbol>
  <symbol id="others" viewBox="-8 -8 16 16"><circle class="ring" r="5.5"/><path class="half" d="M0-5.5A5.5 5.5 0 0 0 0 5.5Z"/></symbol>
  <symbol id="missing" viewBox="-8 -8 16 16"><circle class="missing" r="5.5"/></symbol>
  <symbol id="extra" viewBox="-8 -8 16 16"><path class="extra" d="M-4.2-4.2 4.2 4.2M4.2-4.2-4.2 4.2"/></symbol>`;

/**
 * The matrix as a picture that stands on its own: no script, no font and no address in it, light or dark as its reader likes.
 * All texts are escaped.
 */
export function whoSvg(access: Access): string {
  const { people, files } = access;
  const rows = rowsOf(access).map((row) => ({
    label: shortened(rowLabel(row)),
    marks: (row.items[0]?.cells ?? []).map(markOf),
  }));
  const widest = (labels: readonly string[]): number =>
    labels.reduce((most, label) => Math.max(most, width(label)), 0) * letter;
  const left = margin + Math.max(widest(rows.map(({ label }) => label)), 8 * letter) + 20;
  const slanted = widest(people.map(({ label }) => shortened(label)));
  const head = margin + 50 + Math.ceil(slanted * 0.7071) + 18;
  const used = new Set(rows.flatMap(({ marks }) => marks));
  const notes = legend.filter(([mark]) => used.has(mark));
  const bottom = head + (rows.length + 1) * line;
  const right = left + people.length * cell + Math.ceil(slanted * 0.7071) + margin;
  const total = {
    width: Math.ceil(Math.max(right, 340)),
    height: bottom + 12 + notes.length * 22 + margin,
  };
  const x = (index: number): number => left + index * cell + cell / 2;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" viewBox="0 0 ${total.width} ${total.height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">Who opens what</title>`,
    `<desc id="desc">${countFiles(files.length)} and ${countPeople(people)}: who opens each encrypted file.</desc>`,
    `<style>${style}</style>`,
    `<defs>${SYMBOLS}\n</defs>`,
    `<rect class="background" width="100%" height="100%" rx="8"/>`,
    `<text class="title" x="${margin}" y="${margin + 18}">Who opens what</text>`,
    `<text class="note muted" x="${margin}" y="${margin + 38}">${countFiles(files.length)}, ${countPeople(people)}</text>`,
  ];
  for (const [index, { label, isNamed }] of people.entries()) {
    const at = `${round(x(index) + 3)},${head - 12}`;
    out.push(
      `<text class="${isNamed ? "name" : "muted"}" transform="translate(${at}) rotate(-45)">${escaped(shortened(label))}</text>`,
    );
  }
  const end = left + people.length * cell;
  for (const [index, { label, marks }] of rows.entries()) {
    const top = head + index * line;
    if (index % 2 === 0)
      out.push(
        `<rect class="band" x="${margin - 8}" y="${top}" width="${round(end - margin + 8)}" height="${line}" rx="4"/>`,
      );
    out.push(`<text x="${margin}" y="${top + 17}">${escaped(label)}</text>`);
    for (const [place, mark] of marks.entries()) {
      const about = `${people[place]?.label ?? ""}: ${legend.find(([one]) => one === mark)?.[1] ?? "cannot open it"}`;
      if (mark !== "")
        out.push(
          `<use href="#${names[mark]}" x="${round(x(place) - 8)}" y="${top + 5}" width="16" height="16"><title>${escaped(about)}</title></use>`,
        );
    }
  }
  const totals = head + rows.length * line;
  out.push(
    `<path class="rule" d="M${margin - 8} ${totals + 0.5}H${round(end)}"/>`,
    `<text class="muted" x="${margin}" y="${totals + 19}">opens</text>`,
    ...people.map(
      (_, index) =>
        `<text class="count muted" x="${round(x(index))}" y="${totals + 19}">${openedBy(access, index)}</text>`,
    ),
  );
  for (const [index, [mark, text]] of notes.entries()) {
    const top = bottom + 12 + index * 22;
    out.push(
      `<use href="#${names[mark]}" x="${margin}" y="${top}" width="16" height="16"/>`,
      `<text class="note muted" x="${margin + 24}" y="${top + 12}">${escaped(text)}</text>`,
    );
  }
  out.push("</svg>", "");
  return out.join("\n");
}

function countPeople(people: readonly Person[]): string {
  const named = people.filter(({ isNamed }) => isNamed).length;
  const others = people.length - named;
  return [
    ...(named > 0 ? [named === 1 ? "1 person" : `${named} people`] : []),
    ...(others > 0
      ? [others === 1 ? "1 key without a name" : `${others} keys without a name`]
      : []),
  ].join(", ");
}

const round = (value: number): number => Math.round(value * 10) / 10;

function shortened(label: string): string {
  const letters = [...label];
  return letters.length > LONGEST ? `…${letters.slice(1 - LONGEST).join("")}` : label;
}

/** Text inside an element, or inside quotes. What no XML may hold was spelled out before. */
const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .toWellFormed()
    .replaceAll(/[\ufffe\uffff]/g, "\ufffd");
