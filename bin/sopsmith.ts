// The first file that Node reads: no static import and no syntax younger than ES2017, so that an old Node gets as far
// as the message below instead of dying of a SyntaxError.
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

if (isSupported) {
  enableCompileCache();
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
 * Turns on V8's code cache in a folder of the user's own. Node's default is a folder in the shared temp directory, where
 * another user could lay out code for this process to run. The cache keeps what its first run compiled, so that each kind
 * of run has its own.
 */
function enableCompileCache() {
  const env = process.env;
  const base =
    process.platform === "win32"
      ? env["LOCALAPPDATA"]
      : env["XDG_CACHE_HOME"] || (env["HOME"] && env["HOME"] + "/.cache");
  if (!base) return;
  const module = process.getBuiltinModule("node:module");
  // Bun has the module and not the function.
  if (module.enableCompileCache) module.enableCompileCache(base + "/sopsmith/" + kindOfRun());
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
