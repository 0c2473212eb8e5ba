import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** Which part may import which (besides itself and src/errors.ts). A part is the longest of these prefixes. */
const mayImport: Record<string, readonly string[]> = {
  "src/errors.ts": [],
  "src/version.ts": [],
  "src/tree": [],
  "src/crypto": ["src/tree"],
  formats: ["src/tree"],
  "src/io": [],
  "src/keys": ["src/tree", "src/crypto", "src/io/host.ts", "src/metadata/read.ts"],
  "src/metadata": ["src/tree", "src/keys", "src/version.ts", "formats/format.ts"],
  "src/config": ["src/tree", "src/keys", "src/metadata", "src/io/host.ts", "formats"],
  // The verbs and what they share: every file directly in src.
  src: ["src/tree", "src/crypto", "src/metadata", "src/keys", "src/config", "src/io/host.ts", "src/version.ts", "formats"],
  // The library's face reads and writes files for encryptFile and decryptFile.
  "src/index.ts": ["src", "src/tree", "src/metadata", "src/keys", "src/config", "src/io", "formats", "src/version.ts"],
  "src/cli": ["src", "src/index.ts", "src/tree", "src/metadata", "src/keys", "src/config", "src/io", "formats", "src/version.ts"],
  bin: ["src/cli/main.ts"],
};

/** Folders of the pure core: no files, processes, network, clock or randomness. */
const pure = ["src/tree", "src/crypto", "src/metadata", "formats"];
const pureBuiltins = new Set(["node:buffer", "node:crypto", "node:util"]);

/** Packages that may be loaded before it is known what the user wants: none but the parser of arguments. */
const earlyPackages = new Set(["commander"]);

interface Import {
  from: string;
  /** A file of this repository, or the name of a package or builtin. */
  to: string;
  kind: "static" | "type" | "dynamic";
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, kind: Import["kind"]) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const to = specifier.text.startsWith(".") ? normalize(join(dirname(file), specifier.text)) : specifier.text;
    found.push({ from: file, to, kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword ? "type" : "static");
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly ? "type" : "static");
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], "dynamic");
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, "type");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const files = globSync(["bin/**/*.ts", "src/**/*.ts", "formats/**/*.ts"], { cwd: root }).toSorted();
const imports = files.flatMap(importsOf);

function isLocal(to: string): boolean {
  return to.endsWith(".ts");
}

function partOf(file: string): string | undefined {
  return Object.keys(mayImport)
    .filter((part) => file === part || file.startsWith(`${part}/`))
    .toSorted((a, b) => b.length - a.length)[0];
}

test("every source file belongs to a part of the architecture", () => {
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => partOf(file) === undefined)).toEqual([]);
});

test("a part imports only the parts that the table allows it", () => {
  const wrong = imports.filter(({ from, to }) => {
    const own = partOf(from);
    if (own === undefined || !isLocal(to) || to === "src/errors.ts") return false;
    const target = partOf(to);
    const allowed = mayImport[own] ?? [];
    return target !== own && !allowed.includes(to) && (target === undefined || !allowed.includes(target));
  });
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("the pure core imports nothing that reads files, starts processes or talks to the network", () => {
  const wrong = imports.filter(
    ({ from, to, kind }) =>
      kind !== "type" &&
      pure.some((part) => from.startsWith(`${part}/`)) &&
      to.startsWith("node:") &&
      !pureBuiltins.has(to),
  );
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("bin imports nothing statically, so that an old Node reaches its message", () => {
  expect(imports.filter(({ from, kind }) => from === "bin/sopsmith.ts" && kind !== "dynamic")).toEqual([]);
});

test("no package is loaded by starting the command, before it is known which command runs", () => {
  const reached = new Set<string>();
  const open = ["src/cli/main.ts"];
  const packages = new Set<string>();
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const { from, to, kind } of imports) {
      if (from !== file || kind !== "static") continue;
      if (isLocal(to)) open.push(to);
      else if (!to.startsWith("node:")) packages.add(to);
    }
  }
  expect(reached.size).toBeGreaterThan(1);
  expect([...packages].filter((name) => !earlyPackages.has(name))).toEqual([]);
});

test("a JSON, ENV, INI or binary file never loads the YAML reader", () => {
  const wrong = imports.filter(
    ({ from, to, kind }) =>
      kind === "static" && to.startsWith("formats/yaml") && !from.startsWith("formats/yaml") && from !== "src/config/config.ts",
  );
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});
