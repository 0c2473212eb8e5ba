import { printableLine } from "../io/printable.ts";
import type { Access, Cell, FileAccess, Person } from "./access.ts";
import { fold, type Row } from "./fold.ts";
import { padded, table, width } from "./table.ts";

/** How a cell is shown. */
export type Mark = "●" | "◐" | "○" | "✕" | "";

/** What each mark means, in the order of the legend. */
export const legend: readonly (readonly [Exclude<Mark, "">, string])[] = [
  ["●", "opens alone"],
  ["◐", "opens only with others"],
  ["○", "in the rule, cannot open the file"],
  ["✕", "opens the file, not in the rule"],
];

export function markOf({ opens, inRule }: Cell): Mark {
  if (opens === "not") return inRule === true ? "○" : "";
  if (inRule === false) return "✕";
  return opens === "alone" ? "●" : "◐";
}

/** Files that look the same to everybody, as one row. */
export function rowsOf(access: Access): Row<FileAccess>[] {
  return fold(
    access.files,
    ({ file }) => file,
    ({ cells }) => cells.map((cell) => markOf(cell) || " ").join(""),
  );
}

/** A row's label, with how many files a directory has. */
export const rowLabel = ({ label, items }: Row<FileAccess>): string =>
  printableLine(label.endsWith("/") ? `${label} (${items.length} files)` : label);

/** How many files somebody opens, alone or with others. */
export const openedBy = ({ files }: Access, index: number): number =>
  files.filter(({ cells }) => (cells[index]?.opens ?? "not") !== "not").length;

/** Terminals are taken to be so wide where nothing says it. */
const USUAL_WIDTH = 100;

const colors: Readonly<Record<Exclude<Mark, "">, number>> = { "●": 32, "◐": 33, "○": 2, "✕": 31 };

/** The matrix for a terminal: people in columns where they fit, else in a list for each row. */
export function whoText(
  access: Access,
  {
    columns = USUAL_WIDTH,
    color,
  }: { readonly columns?: number | undefined; readonly color: boolean },
): string[] {
  const rows = rowsOf(access);
  const { people, files } = access;
  const paint = (text: string, mark: Mark): string =>
    color && mark !== "" ? `\u001b[${colors[mark]}m${text}\u001b[0m` : text;
  const used = new Set(files.flatMap(({ cells }) => cells.map(markOf)));
  const first = rows.reduce((most, row) => Math.max(most, width(rowLabel(row))), width("opens"));
  const total = first + people.reduce((sum, { label }) => sum + 2 + width(label), 0);
  return [
    ...(total <= columns ? matrix(access, rows, first, paint) : list(access, rows, paint)),
    "",
    legend
      .filter(([mark]) => used.has(mark))
      .map(([mark, text]) => `${paint(mark, mark)} ${text}`)
      .join("   "),
    ...findings(access),
  ];
}

type Paint = (text: string, mark: Mark) => string;

function* matrix(
  access: Access,
  rows: readonly Row<FileAccess>[],
  first: number,
  paint: Paint,
): Iterable<string> {
  const { people } = access;
  const centered = (text: string, { label }: Person): string => {
    const room = width(label) - width(text);
    const left = Math.floor(room / 2);
    return " ".repeat(Math.max(0, left)) + text + " ".repeat(Math.max(0, room - left));
  };
  const row = (label: string, cells: readonly string[]): string =>
    [padded(label, first), ...cells].join("  ").trimEnd();
  yield row(
    "",
    people.map(({ label }) => label),
  );
  for (const one of rows) {
    const { cells = [] } = one.items[0] ?? {};
    yield row(
      rowLabel(one),
      people.map((person, index) => {
        const mark = markOf(cells[index] ?? { opens: "not", inRule: undefined });
        return paint(centered(mark === "" ? "·" : mark, person), mark);
      }),
    );
  }
  yield row(
    "opens",
    people.map((person, index) => centered(String(openedBy(access, index)), person)),
  );
}

function* list(access: Access, rows: readonly Row<FileAccess>[], paint: Paint): Iterable<string> {
  const { people } = access;
  for (const one of rows) {
    const { cells = [] } = one.items[0] ?? {};
    yield rowLabel(one);
    for (const [mark] of legend) {
      const names = people.filter((_, index) => {
        const cell = cells[index];
        return cell !== undefined && markOf(cell) === mark;
      });
      if (names.length > 0)
        yield `  ${paint(mark, mark)} ${names.map(({ label }) => label).join(", ")}`;
    }
  }
  yield "";
  for (const line of table(
    people.map(({ label }, index) => [label, `opens ${countFiles(openedBy(access, index))}`]),
  ))
    yield line;
}

/** What to know beyond the matrix: files that hang on one key, and rules that were not applied. */
export function findings(access: Access): string[] {
  const { files } = access;
  const hanging = files.filter(({ hangsOn }) => hangsOn.length > 0);
  const different = files.filter(({ differs }) => differs);
  const lines: string[] = [];
  if (hanging.length > 0) {
    lines.push("", "Lost with one key:");
    const rows = fold(
      hanging,
      ({ file }) => file,
      ({ hangsOn }) => hangsOn.join("\n"),
    );
    for (const row of rows)
      lines.push(`  ${rowLabel(row)}: ${(row.items[0]?.hangsOn ?? []).join(", or ")}`);
  }
  if (different.length > 0)
    lines.push(
      "",
      `The keys of ${countFiles(different.length)} do not match the creation rule; run \`sopsmith updatekeys\` to update them.`,
    );
  return lines;
}

export const countFiles = (count: number): string => (count === 1 ? "1 file" : `${count} files`);
