import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** What everyone may import. */
const everyone = ["src/errors.ts", "src/error-codes.ts", "src/version.ts", "src/go"];

/**
 * Which part may import which, besides itself. A file belongs to the longest of these prefixes; "src" is the verbs and
 * what they share, every file directly in src.
 */
const mayImport: Record<string, readonly string[]> = {
  "src/errors.ts": [],
  "src/error-codes.ts": [],
  "src/version.ts": [],
  "src/go": [],
  "src/tree": [],
  "src/crypto": ["src/tree", "src/io/host.ts"],
  formats: ["src/tree"],
  "src/io": [],
  "src/keys": ["src/tree", "src/crypto", "src/io"],
  "src/data-key": [
    "src/keys",
    "src/crypto",
    "src/io/host.ts",
    "src/io/printable.ts",
    "src/key-service/key-service.ts",
  ],
  "src/key-service": ["src/keys", "src/tree", "src/io"],
  "src/audit": ["src/config", "src/io"],
  "src/metadata": ["src/tree", "src/keys", "formats/format.ts"],
  "src/merge": ["src/tree", "src/keys", "src/metadata"],
  "src/config": [
    "src/tree",
    "src/keys",
    "src/metadata",
    "src/layout/choice.ts",
    "src/io",
    "formats",
  ],
  "src/layout": ["src/tree", "src/crypto", "src/metadata", "formats"],
  src: [
    "src/data-key",
    "src/merge",
    "src/tree",
    "src/crypto",
    "src/metadata",
    "src/layout",
    "src/keys",
    "src/key-service/key-service.ts",
    "src/io/host.ts",
    "formats",
  ],
  // The library also reads and writes files.
  "src/library": [
    "src/layout/choice.ts",
    "src",
    "src/data-key",
    "src/tree",
    "src/metadata",
    "src/keys",
    "src/key-service/key-service.ts",
    "src/config",
    "src/io",
    "formats",
  ],
  "src/index.ts": [
    "src",
    "src/library",
    "src/keys/provider.ts",
    "src/layout/choice.ts",
    "src/tree",
    "formats/format.ts",
  ],
  // What a manifest is; reads YAML as kubectl does.
  "src/k8s": ["src/tree", "formats"],
  "src/terraform": ["src/k8s", "src/tree", "formats"],
  "src/operator": [
    "src",
    "src/k8s",
    "src/tree",
    "src/crypto",
    "src/metadata",
    "src/data-key",
    "src/key-service/key-service.ts",
    "src/keys/provider.ts",
    "src/io/host.ts",
    "src/io/system-error.ts",
    "src/io/watch-folders.ts",
    "formats",
  ],
  // The function that kustomize calls.
  "src/krm": [
    "src",
    "src/crypto",
    "src/io/host.ts",
    "src/k8s",
    "src/key-service/key-service.ts",
    "src/metadata",
    "src/operator/field-order.ts",
    "src/tree",
    "formats",
  ],
  // Rules that need no key. Files, configuration and Git's history come in from outside.
  "src/check": [
    "src",
    "src/config",
    "src/crypto",
    "src/io/host.ts",
    "src/io/printable.ts",
    "src/k8s",
    "src/keys",
    "src/metadata",
    "src/people/names.ts",
    "src/tree",
    "formats",
  ],
  // What differs between two versions, seen without a key.
  "src/diff": [
    "src",
    "src/check",
    "src/crypto",
    "src/io/printable.ts",
    "src/merge",
    "src/metadata",
    "src/tree",
  ],
  // Why a file is treated as it is, told without a key.
  "src/explain": [
    "src/config",
    "src/crypto",
    "src/io/host.ts",
    "src/io/printable.ts",
    "src/keys",
    "src/metadata",
    "src/people",
    "src/tree",
    "formats/format.ts",
  ],
  // Who can read what, and since when. Git's history comes in from outside.
  "src/people": [
    "src",
    "src/check",
    "src/config",
    "src/crypto",
    "src/git",
    "src/io/host.ts",
    "src/io/printable.ts",
    "src/io/system-error.ts",
    "src/keys",
    "src/metadata",
    "src/tree",
    "formats",
  ],
  // Why something does not work on this machine.
  "src/doctor": [
    "src",
    "src/check",
    "src/config",
    "src/data-key",
    "src/git",
    "src/io",
    "src/key-service/key-service.ts",
    "src/keys",
    "src/metadata",
    "src/people",
    "formats",
  ],
  // For programs in Node: configuration, types, and plugins of bundlers.
  "src/node": [
    "src",
    "src/crypto",
    "src/data-key",
    "src/io",
    "src/key-service/key-service.ts",
    "src/metadata",
    "src/tree",
    "formats",
  ],
  "src/git": ["src", "src/crypto", "src/io", "src/keys", "src/metadata", "src/tree", "formats"],
  "src/publish": ["src", "src/config", "src/tree", "src/keys", "src/io", "formats"],
  "src/cli": [
    "src/layout/choice.ts",
    "src/check",
    "src/diff",
    "src/doctor",
    "src/git",
    "src/explain",
    "src/node",
    "src/people",
    "src/publish",
    "src/audit",
    "src",
    "src/merge",
    "src/k8s",
    "src/krm",
    "src/operator",
    "src/terraform",
    "src/tree",
    "src/metadata",
    "src/keys",
    "src/data-key",
    "src/key-service",
    "src/config",
    "src/io",
    "formats",
  ],
  bin: ["src/cli/main.ts", "src/keys/age/chacha20-poly1305.ts"],
};

const pure = [
  "src/go",
  "src/tree",
  "src/crypto",
  "src/metadata",
  "src/terraform",
  "src/k8s",
  "formats",
];
const pureBuiltins = new Set(["node:buffer", "node:crypto", "node:util"]);

interface Import {
  from: string;
  /** A file of this repository, or the name of a package or builtin. */
  to: string;
  kind: "static" | "type" | "dynamic";
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, file), "utf8"),
    ts.ScriptTarget.Latest,
  );
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, kind: Import["kind"]) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const to = specifier.text.startsWith(".")
      ? normalize(join(dirname(file), specifier.text))
      : specifier.text;
    found.push({ from: file, to, kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(
        node.moduleSpecifier,
        node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword ? "type" : "static",
      );
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

function isAllowed(from: string, to: string): boolean {
  const own = partOf(from);
  const target = partOf(to);
  if (own === undefined || target === undefined) return false;
  return [own, ...everyone, ...(mayImport[own] ?? [])].some((part) =>
    part === "src" ? target === "src" : to === part || to.startsWith(`${part}/`),
  );
}

test("a part imports only the parts that the table allows it", () => {
  const wrong = imports.filter(({ from, to }) => isLocal(to) && !isAllowed(from, to));
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

/** Files that import one another, and why they may. */
const circles: readonly { readonly files: readonly string[]; readonly because: string }[] = [
  {
    files: ["formats/yaml/comments.ts", "formats/yaml/scan-scalar.ts", "formats/yaml/scanner.ts"],
    because: "one scanner in three files: the parts get the scanner whose position they move",
  },
];

/** Groups of files that import one another, directly or by way of others, each sorted. */
function circlesAmong(edges: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of edges) targets.set(from, [...(targets.get(from) ?? []), to]);
  const reachable = (start: string): Set<string> => {
    const reached = new Set<string>();
    const open = [...(targets.get(start) ?? [])];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (reached.has(file)) continue;
      reached.add(file);
      open.push(...(targets.get(file) ?? []));
    }
    return reached;
  };
  const all = new Map(files.map((file) => [file, reachable(file)]));
  const found = files
    .filter((file) => all.get(file)?.has(file))
    .map((file) => files.filter((other) => all.get(file)?.has(other) && all.get(other)?.has(file)));
  return [...new Map(found.map((circle) => [circle.join(" "), circle])).values()];
}

test("no files import one another, types included, but those named here", () => {
  expect(circlesAmong(imports)).toEqual(circles.map(({ files: named }) => named));
});

test("the table names no part that does not exist", () => {
  const parts = [...Object.keys(mayImport), ...Object.values(mayImport).flat()];
  expect(parts.filter((part) => !existsSync(join(root, part)))).toEqual([]);
});

test("the pure core does no input or output and takes its clock and randomness from outside", () => {
  const wrong = imports.filter(
    ({ from, to, kind }) =>
      kind !== "type" &&
      pure.some((part) => from.startsWith(`${part}/`)) &&
      ((to.startsWith("node:") && !pureBuiltins.has(to)) || to.startsWith("src/io/")),
  );
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("bin imports nothing statically, so that an old Node reaches its message", () => {
  expect(
    imports.filter(
      ({ from, to, kind }) =>
        // What lies beside it is bundled into it, and holds to the same syntax.
        /^bin\/(?:sopsmith|compile-cache)\.ts$/.test(from) &&
        kind !== "dynamic" &&
        !to.startsWith("bin/"),
    ),
  ).toEqual([]);
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
  expect([...packages]).toEqual([]);
});

test("a JSON, ENV, INI or binary file never loads the YAML reader", () => {
  const wrong = imports.filter(
    ({ from, to, kind }) =>
      kind === "static" &&
      to.startsWith("formats/yaml") &&
      !from.startsWith("formats/yaml") &&
      // Loaded by the one command that reads YAML and nothing else.
      !from.startsWith("src/terraform/") &&
      from !== "src/k8s/kube-yaml.ts" &&
      from !== "src/config/yaml.ts",
  );
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("every file that ARCHITECTURE.md names exists", () => {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const named = [
    ...text.matchAll(
      /`((?:bin|src|formats|test|fixtures|bench|scripts|docs|deploy|examples|man)\/[\w./-]*)`/g,
    ),
  ].map(([, path]) => path ?? "");
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

/** Calls of this file that start a process, as text, whose first argument is no program that was looked up. */
function unsafeStarts(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  /** What the file calls the functions that start processes, and the programs that it looked up. */
  const starters = new Set<string>();
  const lookedUp = new Set<string>();
  const isLookUp = (node: ts.Node | undefined): boolean =>
    node !== undefined &&
    ((ts.isCallExpression(node) &&
      /^(?:requireProgram|findProgram)$/.test(node.expression.getText())) ||
      (ts.isIdentifier(node) && lookedUp.has(node.text)));
  const visit = (node: ts.Node, see: (node: ts.Node) => void): void => {
    see(node);
    ts.forEachChild(node, (child) => visit(child, see));
  };
  visit(source, (node) => {
    if (
      ts.isImportDeclaration(node) &&
      /"(?:node:child_process|execa)"/.test(node.moduleSpecifier.getText())
    ) {
      const bindings = node.importClause?.namedBindings;
      if (bindings === undefined || !ts.isNamedImports(bindings)) starters.add("*");
      else
        for (const { name, isTypeOnly } of bindings.elements)
          if (!isTypeOnly) starters.add(name.text);
    }
    if (
      ts.isVariableDeclaration(node) &&
      /\bimport\("(?:node:child_process|execa)"\)/.test(node.initializer?.getText() ?? "")
    ) {
      if (ts.isObjectBindingPattern(node.name))
        for (const { name } of node.name.elements) starters.add(name.getText());
      else starters.add("*");
    }
    if (ts.isVariableDeclaration(node) && isLookUp(node.initializer))
      lookedUp.add(node.name.getText());
    if (ts.isBinaryExpression(node) && isLookUp(node.right)) lookedUp.add(node.left.getText());
  });
  const wrong: string[] = starters.has("*") ? ["imports the whole module"] : [];
  visit(source, (node) => {
    if (!ts.isCallExpression(node)) return;
    const callee = node.expression.getText();
    const name = /^promisify\((\w+)\)$/.exec(callee)?.[1] ?? callee;
    const starts = starters.has(name) || /(?:^|\.)execve$/.test(name);
    if (starts && !isLookUp(node.arguments[0])) wrong.push(node.getText());
  });
  return wrong;
}

test("every child process is looked up by src/io/program-path.ts", () => {
  const starting = files.filter((file) =>
    /node:child_process|"execa"|\bexecve\b|Bun\.spawn/.test(readFileSync(join(root, file), "utf8")),
  );
  expect(starting.length).toBeGreaterThan(4);
  const others = starting.filter(
    (file) => !imports.some(({ from, to }) => from === file && to === "src/io/program-path.ts"),
  );
  expect(others).toEqual([]);
  expect(starting.flatMap((file) => unsafeStarts(file).map((call) => `${file}: ${call}`))).toEqual(
    [],
  );
});

test("no data of the user's length is spread into arguments, of which there may be too many", () => {
  const spread =
    /\.(?:push|unshift|fromCharCode|fromCodePoint)\(\.\.\.|Math\.(?:max|min)\([^()]*\.\.\./;
  const files = globSync("{src,formats}/**/*.ts", { cwd: root });
  // The rows of a help text are the program's own.
  const found = files.filter(
    (file) =>
      file !== join("src", "cli", "help-text.ts") &&
      spread.test(readFileSync(join(root, file), "utf8")),
  );
  expect(found).toEqual([]);
});
