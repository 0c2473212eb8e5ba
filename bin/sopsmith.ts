// The first file that Node reads: no static import and no syntax younger than ES2017 (but for what the build mends), so
// that an old Node gets as far as the message below instead of dying of a SyntaxError.
const version = process.version;
const [major, minor, patch] = version
  .slice(1)
  .split(".")
  .map((part) => parseInt(part, 10)) as [number, number, number];

/** The range in package.json's `engines`: ^22.22.2 || ^24.15.0 || >=26. */
const isSupported =
  major >= 26 ||
  (major === 24 && minor >= 15) ||
  (major === 22 && (minor > 22 || (minor === 22 && patch >= 2)));

/** Tells one build's chunk from another's; the build puts it in. */
const build = "@build@";

if (isSupported) {
  loadCore();
  void import("../src/cli/main.ts").then((cli) => cli.main());
} else {
  process.stderr.write(
    "sopsmith needs Node.js ^22.22.2 || ^24.15.0 || >=26; this is " +
      version +
      " (" +
      process.execPath +
      ")\n",
  );
  process.exitCode = 1;
}

/**
 * Loads the chunk that every run needs with the code that an earlier run of the same kind compiled. Node's own compile
 * cache keeps what a file holds at its top level only, and compiling the rest takes a fifth of a small run. Where
 * there is no cache, and where it cannot be used, the chunk is loaded as any other.
 */
function loadCore() {
  const builtin = process.getBuiltinModule;
  const { createRequire, Module, enableCompileCache } = builtin("node:module");
  const { dirname, join } = builtin("node:path");
  const folder = cacheFolder();
  if (!folder || !createRequire || !Module) return;
  const core = join(import.meta.dirname, "chunks/core.js");
  const { readFileSync } = builtin("node:fs");
  const vm = builtin("node:vm");
  const { hash } = builtin("node:crypto");
  const parts = [build, process.version, process.arch, process.env["NODE_OPTIONS"] || ""];
  const file = join(
    folder,
    kindOfRun() + "-" + hash("sha256", parts.concat(process.execArgv).join("\n")).slice(0, 16),
  );
  const cachedData = readCache(file);
  const parameters = "exports, require, module, __filename, __dirname";
  const script = new vm.Script(
    "(function (" + parameters + ") {" + readFileSync(core, "latin1") + "\n})",
    { filename: core, cachedData },
  );
  if (!cachedData || script.cachedDataRejected)
    process.once("exit", (status) => {
      if (status === 0) writeCache(file, script.createCachedData());
    });
  const require = createRequire(core);
  let isFirstChunk = true;
  const load = (id: string): unknown => {
    if (isFirstChunk && id.startsWith("./")) {
      isFirstChunk = false;
      // For the chunks that only some runs load, Node's own cache will do. It asks nobody whose its files are.
      const nodes = join(folder, "node-" + build);
      if (enableCompileCache && isSafe(folder) && isSafe(nodes, true)) enableCompileCache(nodes);
    }
    return require(id);
  };
  const module = new Module(core);
  module.filename = core;
  require.cache[core] = module;
  (script.runInThisContext() as (...args: unknown[]) => void)(
    module.exports,
    Object.assign(load, require),
    module,
    core,
    dirname(core),
  );
  module.loaded = true;
}

/**
 * A folder of the user's own. Node's default is one in the shared temp directory, where another user could lay out code for
 * this process to run. A relative path is none, as the XDG specification says.
 */
function cacheFolder() {
  const env = process.env;
  if (env["NODE_DISABLE_COMPILE_CACHE"]) return undefined;
  const base =
    process.platform === "win32"
      ? env["LOCALAPPDATA"]
      : env["XDG_CACHE_HOME"] || (env["HOME"] && env["HOME"] + "/.cache");
  const { isAbsolute } = process.getBuiltinModule("node:path");
  return base && isAbsolute(base) ? base + "/sopsmith" : undefined;
}

/** Behind the digest of what follows stands V8's data, which V8 itself hardly checks. */
const digestLength = 32;

/** Nothing for a file that is damaged, or another user's: under sudo HOME may be that of the user. */
function readCache(file: string) {
  const { closeSync, constants, fstatSync, openSync, readFileSync } =
    process.getBuiltinModule("node:fs");
  try {
    // What is no file shall not make the program wait.
    const opened = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK || 0));
    try {
      const stats = fstatSync(opened);
      if (!stats.isFile() || !isOurs(stats)) return undefined;
      const content = readFileSync(opened);
      const data = content.subarray(digestLength);
      return digest(data).equals(content.subarray(0, digestLength)) ? data : undefined;
    } finally {
      closeSync(opened);
    }
  } catch {
    return undefined;
  }
}

/** How many caches are kept: for each kind of run, version of the program and setting of Node one. */
const kept = 24;

/** Writes a cache and removes the oldest. What fails is left for the next run. */
function writeCache(file: string, data: Buffer) {
  const fs = process.getBuiltinModule("node:fs");
  const { dirname, join } = process.getBuiltinModule("node:path");
  const folder = dirname(file);
  const made = file + "." + process.pid;
  try {
    // Not `recursive`: with a HOME such as /proc Node would try for ever.
    for (const missing of [dirname(folder), folder])
      if (!fs.existsSync(missing)) {
        if (!isOurs(fs.statSync(dirname(missing)))) return;
        fs.mkdirSync(missing, { mode: 0o700 });
      }
    if (!isSafe(folder)) return;
    try {
      fs.writeFileSync(made, Buffer.concat([digest(data), data]), { mode: 0o600, flag: "wx" });
      fs.renameSync(made, file);
    } catch {
      fs.rmSync(made, { force: true });
    }
    fs.readdirSync(folder)
      .filter((name) => /-[0-9a-f]{16}(?:\.[0-9]+)?$/.test(name))
      .map((name) => join(folder, name))
      .map((path) => ({ path, time: fs.statSync(path).mtimeMs }))
      .sort((a, b) => b.time - a.time)
      .slice(kept)
      .forEach(({ path }) => fs.rmSync(path, { recursive: true, force: true }));
  } catch {
    // The program has done its work; that it will not start sooner the next time is no failure.
  }
}

function digest(data: Buffer) {
  return process.getBuiltinModule("node:crypto").hash("sha256", data, "buffer");
}

function isOurs({ uid }: { uid: number }) {
  return !process.geteuid || uid === process.geteuid();
}

/** A folder into which nobody else can put code. */
function isSafe(folder: string, mayBeMissing = false) {
  try {
    const stats = process.getBuiltinModule("node:fs").lstatSync(folder);
    const isShared = process.platform !== "win32" && (stats.mode & 0o022) !== 0;
    return stats.isDirectory() && isOurs(stats) && !isShared;
  } catch (error) {
    return mayBeMissing && (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** The usual commands with the usual formats; all others share one kind. */
function kindOfRun() {
  const words = process.argv.slice(2);
  const command =
    /^(?:(decrypt|-d|--decrypt)|(encrypt|-e|--encrypt)|exec-env|exec-file|edit)$/.exec(
      words[0] || "",
    );
  if (!command) return "other";
  const name = command[1] ? "decrypt" : command[2] ? "encrypt" : command[0];
  const format = /\.(ya?ml|json|env|ini)$/.exec(words[words.length - 1] || "");
  return format ? name + "-" + format[1] : name;
}
