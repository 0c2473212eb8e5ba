// Builds dist/: the library (dist/src: what `exports` of package.json names, bundled by rolldown, and the .d.ts files of
// tsc that those reach), the command (dist/bin) with rolldown, dependencies bundled and every dynamic import a chunk of its
// own, and the licenses of the packages in both (dist/THIRD-PARTY-NOTICES). Everything is made in .cache and moved into
// place at the end, so that a failed build leaves the old dist alone. With `--command FOLDER` it makes the command alone,
// in FOLDER/bin: that takes a third of the time.
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ESTree } from "rolldown/utils";
import { rolldown, type Plugin, type OutputAsset, type OutputChunk } from "rolldown";
import { bundledPackages, noticesText } from "./notices.ts";

const root = join(import.meta.dirname, "..");

/** By the chunk's file name, as Rollup has it. */
type Metafile = Record<
  string,
  Pick<OutputChunk, "imports" | "dynamicImports"> & { modules: readonly string[] }
>;

const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
  exports: Exports;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
};

type Exports = string | { readonly [key: string]: Exports };

/** Every file of `exports`. */
function targets(exports: Exports): string[] {
  return typeof exports === "string" ? [exports] : Object.values(exports).flatMap(targets);
}

const exported = [...new Set(targets(manifest.exports))].filter((file) =>
  file.startsWith("./dist/"),
);

const isOneOf = (names: readonly string[], id: string): boolean =>
  names.some((name) => id === name || id.startsWith(`${name}/`));

/** Packages that may be missing, such as vendors' clients: they stay real imports, found in node_modules when needed. */
const isOptional = (id: string): boolean => isOneOf(Object.keys(manifest.peerDependencies), id);

async function compile(outDir: string): Promise<void> {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const child = spawn(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", outDir], {
    cwd: root,
    // stdout belongs to npm pack --json, which runs this script first.
    stdio: ["ignore", process.stderr, process.stderr],
  });
  const status = await new Promise((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  if (status !== 0) throw new Error(`tsc ended with status ${String(status)}`);
}

/** Copies what tsc made of the exported types and of CommonJS files, with all that the types import. */
async function buildTypes(compiled: string, outDir: string): Promise<void> {
  await compile(compiled);
  const wanted = new Set(
    exported
      .filter((file) => /\.d\.[cm]?ts$|\.cjs$/.test(file))
      .map((file) => relative("dist", file)),
  );
  for (const file of wanted) {
    const text = await readFile(join(compiled, file), "utf8");
    await mkdir(dirname(join(outDir, file)), { recursive: true });
    await writeFile(join(outDir, file), text);
    if (file.endsWith(".cjs")) continue;
    for (const [, name = ""] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g))
      wanted.add(join(dirname(file), name.replace(/\.([cm]?)(?:js|ts)$/, ".d.$1ts")));
  }
}

/** @returns the modules that it bundled */
async function buildLibrary(outDir: string): Promise<string[]> {
  const packages = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.peerDependencies),
  ];
  const entries = exported
    .filter((file) => file.endsWith(".js"))
    .map((file) => relative("dist", file).replace(/\.js$/, ""));
  const bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries(entries.map((name) => [name, `${name}.ts`])),
    platform: "node",
    external: (id) => isOneOf(packages, id),
    logLevel: "warn",
    checks: { ineffectiveDynamicImport: false },
  });
  const { output } = await bundle.write({
    dir: outDir,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "src/chunks/[name]-[hash].js",
  });
  await bundle.close();
  return modulesOf(output);
}

/**
 * What decrypting a YAML file with an age key loads. It makes one chunk: each further file costs time to find and check.
 * The chunks are CommonJS, which Node sets up faster than modules.
 */
const hotPath = [
  "src/cli/main.ts",
  "src/cli/program.ts",
  "src/cli/commands/decrypt.ts",
  "src/io/real-host.ts",
  "formats/yaml.ts",
].map((file) => join(root, file));

/**
 * Exports of the core as properties of one object, where the bundler makes a getter for each: making those takes two
 * milliseconds of every run, and no module of ours changes what it exports.
 */
const plainExports: Plugin = {
  name: "plain-exports",
  renderChunk(code, { name }) {
    if (name !== "core") return null;
    const properties: string[] = [];
    let end = code.length;
    for (const statement of this.parse(code).body.toReversed()) {
      const getter = exportGetter(statement);
      if (getter === undefined) break;
      properties.push(`${getter.name}: ${code.slice(getter.value.start, getter.value.end)}`);
      end = statement.start;
    }
    if (properties.length === 0) throw new Error("the core ends with no exports");
    return `${code.slice(0, end)}module.exports = { ${properties.join(", ")} };\n`;
  },
};

/** `Object.defineProperty(exports, name, { enumerable: true, get: function () { return value; } });` */
function exportGetter(
  statement: ESTree.Program["body"][number],
): { name: string; value: ESTree.Expression } | undefined {
  if (statement.type !== "ExpressionStatement") return undefined;
  const { expression } = statement;
  if (expression.type !== "CallExpression") return undefined;
  const [target, name, descriptor] = expression.arguments;
  if (target?.type !== "Identifier" || target.name !== "exports") return undefined;
  if (name?.type !== "Literal" || typeof name.value !== "string") return undefined;
  const getter = descriptor?.type === "ObjectExpression" ? descriptor.properties[1] : undefined;
  if (getter?.type !== "Property" || getter.value.type !== "FunctionExpression") return undefined;
  const returned = getter.value.body?.body[0];
  if (returned?.type !== "ReturnStatement" || returned.argument === null) return undefined;
  return { name: name.value, value: returned.argument };
}

/** @returns the modules that it bundled */
async function buildCommand(outDir: string): Promise<string[]> {
  const bundle = await rolldown({
    cwd: root,
    input: { sopsmith: "bin/sopsmith.ts" },
    platform: "node",
    external: isOptional,
    plugins: [plainExports],
    logLevel: "warn",
    checks: { ineffectiveDynamicImport: false },
  });
  let hot: ReadonlySet<string> | undefined;
  const { output } = await bundle.generate({
    format: "cjs",
    entryFileNames: "[name].js",
    chunkFileNames: ({ name }) => (name === "core" ? "chunks/core.js" : "chunks/[name]-[hash].js"),
    banner: (chunk) => (chunk.isEntry ? "#!/usr/bin/env node" : ""),
    // Not to a younger syntax than that of the first file.
    minify: { compress: { target: "es2018" } },
    // V8 keeps any other text at two bytes a character.
    charset: "ascii",
    codeSplitting: {
      groups: [
        {
          debugName: "core",
          name(id, context) {
            hot ??= reachable(hotPath, (from) => context.getModuleInfo(from)?.importedIds ?? []);
            return hot.has(id) ? "core" : null;
          },
        },
      ],
    },
  });
  await bundle.close();
  await mkdir(join(outDir, "chunks"), { recursive: true });
  for (const part of output) {
    if (part.type !== "chunk") throw new Error(`the bundle holds ${part.fileName}`);
    await writeFile(join(outDir, part.fileName), part.code);
  }
  await writeFile(join(outDir, "package.json"), '{"type":"commonjs"}\n');
  await writeFile(join(outDir, "../metafile.json"), JSON.stringify(metafile(output), null, 1));
  await chmod(join(outDir, "sopsmith.js"), 0o755);
  return modulesOf(output);
}

const modulesOf = (output: readonly (OutputChunk | OutputAsset)[]): string[] =>
  output.flatMap((part) => (part.type === "chunk" ? part.moduleIds : []));

function reachable(
  from: readonly string[],
  next: (id: string) => readonly string[],
): ReadonlySet<string> {
  const found = new Set(from);
  for (const id of found) for (const other of next(id)) found.add(other);
  return found;
}

/** What each chunk holds and loads, for the tests. */
function metafile(output: readonly (OutputChunk | OutputAsset)[]): Metafile {
  const chunks = output.filter((part) => part.type === "chunk");
  return Object.fromEntries(
    chunks.map(({ fileName, imports, dynamicImports, moduleIds }) => [
      fileName,
      { imports, dynamicImports, modules: moduleIds.map((id) => relative(root, id)) },
    ]),
  );
}

async function replaceDist(made: string, old: string): Promise<void> {
  const dist = join(root, "dist");
  for (let attempt = 1; ; attempt++) {
    await rename(dist, `${old}-${attempt}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    try {
      return await rename(made, dist);
    } catch (error) {
      // Another build put its result there in between.
      const { code } = error as NodeJS.ErrnoException;
      if (attempt === 5 || (code !== "ENOTEMPTY" && code !== "EEXIST")) throw error;
    }
  }
}

async function buildAll(): Promise<void> {
  await mkdir(join(root, ".cache"), { recursive: true });
  const work = await mkdtemp(join(root, ".cache/build-"));
  try {
    const made = await Promise.allSettled([
      buildLibrary(join(work, "dist")),
      buildCommand(join(work, "dist/bin")),
      buildTypes(join(work, "compiled"), join(work, "dist")),
    ]);
    const failures = made.filter((result) => result.status === "rejected");
    for (const { reason } of failures) {
      process.stderr.write(
        `build failed: ${reason instanceof Error ? reason.message : String(reason)}\n`,
      );
    }
    if (failures.length > 0) process.exitCode = 1;
    else {
      const modules = made.flatMap((result) =>
        result.status === "fulfilled" ? (result.value ?? []) : [],
      );
      await writeFile(
        join(work, "dist/THIRD-PARTY-NOTICES"),
        noticesText(bundledPackages(modules)),
      );
      await replaceDist(join(work, "dist"), join(work, "old"));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { command: { type: "string" } } });
if (values.command === undefined) await buildAll();
else await buildCommand(resolve(values.command, "bin"));
