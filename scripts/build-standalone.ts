// build-standalone.ts [--target NAME]…: makes standalone/sopsmith-NAME, one executable file per platform, from the same
// sources as dist/bin; `--target host` makes standalone/sopsmith for this machine. Without --target, all platforms. Beside
// them it writes the licenses of what is in them, THIRD-PARTY-NOTICES.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bun, executableNotices } from "./release/executable-packages.ts";
import { targets } from "./release/targets.ts";

const root = join(import.meta.dirname, "..");
const outDir = join(root, "standalone");

type Target = keyof typeof targets;
const names = Object.keys(targets) as Target[];

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  packages: Record<string, { version: string; integrity: string } | undefined>;
};

function isTarget(name: string): name is Target {
  return Object.hasOwn(targets, name);
}

function hostTarget(): Target {
  const system = { linux: "linux", darwin: "macos", win32: "windows" }[process.platform as string];
  const header = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const isMusl = system === "linux" && header.header?.glibcVersionRuntime === undefined;
  const name = `${system ?? process.platform}-${process.arch}${isMusl ? "-musl" : ""}`;
  if (!isTarget(name)) throw new Error(`no executable is built for ${name}`);
  return name;
}

function run(
  program: string,
  args: readonly string[],
  cwd = root,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let text = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (status) => {
      if (status === 0) resolve(text);
      else reject(new Error(`${program} ${args.join(" ")}: status ${status}\n${text}${errors}`));
    });
  });
}

/**
 * The runtime that the executable begins with: npm's package of the locked version, which is installed for this machine
 * and fetched for others, and must have the checksum of the lock file.
 */
async function runtimeOf(target: Target): Promise<string> {
  const { runtime } = targets[target];
  const file = target.startsWith("windows") ? "bin/bun.exe" : "bin/bun";
  // bun's own install script moves this machine's runtime there.
  if (target === hostTarget()) return bun;
  const locked = lock.packages[`node_modules/${runtime}`];
  if (locked === undefined) throw new Error(`package-lock.json does not know ${runtime}`);
  const { version, integrity } = locked;
  const folder = join(root, ".cache/bun", `${target}-${version}`);
  if (existsSync(folder)) return join(folder, "package", file);
  await mkdir(join(root, ".cache/bun"), { recursive: true });
  const work = await mkdtemp(join(root, ".cache/bun/fetch-"));
  try {
    const wanted = `${runtime}@${version}`;
    const archive = (await run("npm", ["pack", "--silent", wanted], work)).trim();
    const hash = createHash("sha512").update(await readFile(join(work, archive)));
    if (`sha512-${hash.digest("base64")}` !== integrity)
      throw new Error(`${wanted} is not the file that package-lock.json names`);
    await run("tar", ["-xzf", archive], work);
    await rm(join(work, archive));
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return join(folder, "package", file);
}

/** Compiles for a platform; `orders` tell which code goes first. */
async function compile(target: Target, to: string, orders: readonly string[]): Promise<void> {
  await run(bun, [
    "build",
    "bin/standalone.ts",
    "--compile",
    "--bytecode",
    ...orders.map((file) => `--bytecode-order=${file}`),
    "--minify",
    "--format=esm",
    // Without it every package would be read and set up at each start.
    "--splitting",
    // A secrets tool takes nothing from the directory it happens to be called in.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    `--target=${targets[target].bun}`,
    `--compile-executable-path=${await runtimeOf(target)}`,
    `--outfile=${to}`,
  ]);
  if (!existsSync(to)) await rename(`${to}.exe`, to);
}

/**
 * What the usual commands run, in the order in which they run it: one executable is made to watch it. Laid out in that
 * order, the code of a small run lies on few pages.
 *
 * @returns files for `compile`, the most important first
 */
async function watchedOrders(work: string): Promise<string[]> {
  const program = join(work, process.platform === "win32" ? "watched.exe" : "watched");
  await compile(hostTarget(), program, []);
  const [keys, plain, sealed] = ["keys.txt", "plain.yaml", "sealed.yaml"].map((name) =>
    join(work, name),
  ) as [string, string, string];
  const order = (name: string) => join(work, `${name}.order`);
  const call = (args: readonly string[], name?: string) =>
    run(program, args, work, {
      SOPS_AGE_KEY_FILE: keys,
      ...(name === undefined ? {} : { BUN_BYTECODE_ORDER_OUT: order(name) }),
    });
  await call(["keygen", "--output", keys]);
  await writeFile(plain, "host: db.example\nport: 5432\nname: shop\n");
  const recipient = (await call(["keygen", "-y", keys])).trim();
  await call(["encrypt", "--age", recipient, "--output", sealed, plain], "encrypt");
  await call(["decrypt", sealed], "decrypt");
  await call(["exec-env", sealed, "exit 0"], "exec-env");
  const files = ["decrypt", "exec-env", "encrypt"].map(order);
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw new Error(`the runtime did not write ${missing}`);
  return files;
}

async function build(target: Target, name: string, orders: readonly string[]): Promise<void> {
  const made = join(outDir, `.${name}.${process.pid}`);
  try {
    await compile(target, made, orders);
    await rename(made, join(outDir, name));
  } finally {
    await rm(made, { force: true });
  }
}

const { values } = parseArgs({ options: { target: { type: "string", multiple: true } } });
const wanted = (values.target ?? names).map((name) => {
  if (name === "host") return { target: hostTarget(), stem: "sopsmith" };
  if (isTarget(name)) return { target: name, stem: `sopsmith-${name}` };
  throw new Error(`unknown target ${name}; there are: host, ${names.join(", ")}`);
});
await mkdir(outDir, { recursive: true });
await writeFile(join(outDir, "THIRD-PARTY-NOTICES"), executableNotices());
const sums: string[] = [];
const work = await mkdtemp(join(outDir, ".watched-"));
try {
  const orders = await watchedOrders(work);
  for (const { target, stem } of wanted) {
    const name = `${stem}${target.startsWith("windows") ? ".exe" : ""}`;
    await build(target, name, orders);
    const bytes = await readFile(join(outDir, name));
    sums.push(`${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`);
    process.stdout.write(`standalone/${name}: ${(bytes.length / 2 ** 20).toFixed(0)} MiB\n`);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
if (values.target === undefined) await writeFile(join(outDir, "SHA256SUMS"), sums.join(""));
