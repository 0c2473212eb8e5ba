import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { errorCodesPage } from "../scripts/docs/error-codes.ts";
import { errorCodes } from "../src/error-codes.ts";
import { inLibraryWords } from "../src/library/border.ts";

const root = join(import.meta.dirname, "..");
const files = globSync("{src,formats}/**/*.ts", { cwd: root });

/** Where a status other than that of the table is meant: the same problem, as sops ends in another command. */
const others: Readonly<Record<string, readonly string[]>> = { unreadable: ["1"] };

/** Codes and statuses that are written down where an error is made. */
function made(): { code: string; status: string; file: string }[] {
  const found: { code: string; status: string; file: string }[] = [];
  for (const file of files) {
    const source = ts.createSourceFile(
      file,
      readFileSync(join(root, file), "utf8"),
      ts.ScriptTarget.Latest,
      true,
    );
    const visit = (node: ts.Node, base: string | undefined): void => {
      const extended = ts.isClassDeclaration(node)
        ? node.heritageClauses?.[0]?.types[0]?.expression.getText()
        : base;
      const isOurs =
        (ts.isNewExpression(node) && node.expression.getText() === "SopsmithError") ||
        (ts.isCallExpression(node) &&
          node.expression.kind === ts.SyntaxKind.SuperKeyword &&
          base === "SopsmithError");
      if (isOurs) {
        const [code, status] = node.arguments ?? [];
        if (code && ts.isStringLiteral(code))
          found.push({ code: code.text, status: status?.getText() ?? "", file });
      }
      ts.forEachChild(node, (child) => visit(child, extended));
    };
    visit(source, undefined);
  }
  return found;
}

test("each code has one exit status, the one in the table", () => {
  const all = made();
  expect(all.length).toBeGreaterThan(100);
  const wrong = all.filter(({ code, status }) => {
    if (!/^\d+$/.test(status)) return false;
    const expected = Object.entries(errorCodes).find(([name]) => name === code)?.[1].status;
    return status !== String(expected) && !(others[code] ?? []).includes(status);
  });
  expect(wrong).toEqual([]);
});

test("the table names no code that is never used", () => {
  const text = files
    .filter((file) => !file.endsWith("error-codes.ts"))
    .map((file) => readFileSync(join(root, file), "utf8"))
    .join("\n");
  const unused = Object.keys(errorCodes).filter((code) => !text.includes(`"${code}"`));
  expect(unused).toEqual([]);
});

test("hints that the library passes on speak of options, not of flags", () => {
  const reached = files.filter(
    (file) =>
      /^src\/(?:[\w-]+\.ts$|config|crypto|data-key|go|layout|metadata|tree|library)/.test(file) ||
      /^src\/(?:keys|io\/(?:write-errors|optional))/.test(file) ||
      file.startsWith("formats/"),
  );
  // What they make is for the command alone.
  const own = new Set(["src/keygen.ts", "src/merge.ts"]);
  const flags = reached
    .filter((file) => !own.has(file) && !file.startsWith("src/keys/pgp"))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return [...text.matchAll(/hint:\s*(?:"[^"]*"|`[^`]*`|'[^']*')/g)].map(([hint]) => ({
        file,
        hint: inLibraryWords(hint),
      }));
    })
    .filter(({ hint }) => /(?:^|[\s(`])--?[a-z]|sopsmith [a-z]/.test(hint));
  expect(flags).toEqual([]);
});

test("docs/error-codes.md is what `npm run docs` makes", () => {
  expect(readFileSync(join(root, "docs/error-codes.md"), "utf8")).toBe(errorCodesPage());
});
