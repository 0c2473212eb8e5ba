import type { Access } from "./access.ts";
import { findings, legend, markOf, openedBy, rowLabel, rowsOf } from "./who-text.ts";

/** The matrix as a table of Markdown, for a page or a comment. */
export function whoMarkdown(access: Access): string[] {
  const { people, files } = access;
  const used = new Set(files.flatMap(({ cells }) => cells.map(markOf)));
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    row(["", ...people.map(({ label }) => escaped(label))]),
    row(["---", ...people.map(() => ":-:")]),
    ...rowsOf(access).map((one) =>
      row([escaped(rowLabel(one)), ...(one.items[0]?.cells ?? []).map(markOf)]),
    ),
    row(["opens", ...people.map((_, index) => String(openedBy(access, index)))]),
    "",
    legend
      .filter(([mark]) => used.has(mark))
      .map(([mark, text]) => `${mark} ${text}`)
      .join(" · "),
    ...findings(access).map((line) =>
      line.startsWith("  ") ? `- ${escaped(line.trim())}` : line.endsWith(":") ? `${line}\n` : line,
    ),
  ];
}

/** Text that Markdown shows as it is. */
export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_{}[\]#|~!]/g, String.raw`\$&`)
    .replaceAll("@", "&#64;");
}
