import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  jsonDocument,
  ownYamlDocument,
  smallYaml,
  writeBinary,
  yamlDocument,
} from "./documents.ts";

export type Program = "sops" | "npm" | "standalone";

/** What a ratio to sops may be at most. */
export interface Limits {
  wall?: number;
  peak?: number;
}

export interface Case {
  work: string;
  /** Behind the program's name. */
  args: readonly string[];
  /** A command whose time is taken off, in interleaved runs too. */
  without?: readonly string[];
  /** The line for sops, where it differs from `args`. */
  sopsShell?: string;
  runs: number;
  /** Not run with these: they would take an hour. */
  programs: readonly Program[];
  limits: { readonly [program in Exclude<Program, "sops">]?: Limits };
  /** The programs must print the same. */
  isComparable?: boolean;
  /** Cases of one series differ in the number of leaves only. */
  series?: { name: string; leaves: number };
}

const all: readonly Program[] = ["sops", "npm", "standalone"];
const ours: readonly Program[] = ["npm", "standalone"];

export interface Setting {
  folder: string;
  recipient: string;
  /** Runs sopsmith's npm build, or real sops. */
  seal(program: "sops" | "npm", name: string, ...options: readonly string[]): void;
  quick: boolean;
}

/** The rows of the table, in its order; files are made when their rows come. */
export function* makeCases({ folder, recipient, seal, quick }: Setting): Generator<Case> {
  const path = (name: string) => join(folder, name);
  const both = (limits: Limits) => ({ npm: limits, standalone: limits });
  writeFileSync(path("small.yaml"), smallYaml);
  seal("sops", "small.yaml");
  yield { work: "--version", args: ["--version"], runs: 15, programs: all, limits: {} };
  yield {
    work: "decrypt a 6-line YAML",
    args: ["decrypt", path("sealed-small.yaml")],
    runs: 41,
    programs: all,
    // Of wall time the table of small decrypts decides.
    limits: { standalone: { peak: 1.6 } },
    isComparable: true,
  };
  yield {
    work: "exec-env, added to `true`",
    args: ["exec-env", path("sealed-flat.yaml"), "true"],
    without: ["/bin/sh", "-c", "true"],
    runs: 31,
    programs: all,
    limits: { standalone: { wall: 1 } },
  };
  for (const [leaves, label, runs] of [
    [10_000, "10k", 5],
    [100_000, "100k", 3],
    [1_000_000, "1M", 3],
  ] as const) {
    if (quick && leaves > 10_000) break;
    for (const [format, limits, make] of [
      ["yaml", { wall: 0.35 }, yamlDocument],
      ["json", { wall: 0.1 }, jsonDocument],
    ] as const) {
      const name = `${label}.${format}`;
      const isHuge = leaves > 100_000;
      writeFileSync(path(name), make(leaves));
      // Where sops would take minutes, as sops writes it: files with a tenth of the leaves must be of the same kind.
      if (isHuge) seal("npm", name, "--layout", "sops");
      else seal("sops", name);
      const common = {
        runs,
        programs: isHuge ? ours : all,
        limits: leaves === 100_000 ? both(limits) : {},
      };
      const title = `${format.toUpperCase()}, ${label} leaves`;
      yield {
        ...common,
        work: `${title}, encrypt`,
        args: ["encrypt", "--age", recipient, path(name)],
        series: { name: `${format.toUpperCase()}, encrypt`, leaves },
      };
      yield {
        ...common,
        work: `${title}, decrypt`,
        args: ["decrypt", path(`sealed-${name}`)],
        isComparable: true,
        series: { name: `${format.toUpperCase()}, decrypt`, leaves },
      };
      if (isHuge) for (const file of [name, `sealed-${name}`]) rmSync(path(file));
    }
  }
  // A person's own text, with comments and quotes, whose layout is kept.
  for (const [leaves, label] of [
    [10_000, "10k"],
    [100_000, "100k"],
  ] as const) {
    if (quick && leaves > 10_000) break;
    const name = `own-${label}.yaml`;
    writeFileSync(path(name), ownYamlDocument(leaves));
    seal("npm", name);
    const common = {
      runs: 5,
      programs: all,
      limits: leaves === 100_000 ? both({ wall: 0.35, peak: 1 }) : {},
    };
    yield {
      ...common,
      work: `YAML with its layout, ${label} leaves, encrypt`,
      args: ["encrypt", "--age", recipient, path(name)],
      series: { name: "YAML with its layout, encrypt", leaves },
    };
    yield {
      ...common,
      work: `YAML with its layout, ${label} leaves, decrypt`,
      args: ["decrypt", path(`sealed-${name}`)],
      series: { name: "YAML with its layout, decrypt", leaves },
    };
  }
  if (quick) return;
  writeBinary(path("large.bin"), 100);
  seal("sops", "large.bin");
  const binary = { runs: 3, programs: all, limits: both({ wall: 0.2, peak: 0.5 }) };
  yield {
    ...binary,
    work: "binary, 100 MiB, encrypt",
    args: ["encrypt", "--age", recipient, path("large.bin")],
  };
  yield {
    ...binary,
    work: "binary, 100 MiB, decrypt",
    args: ["decrypt", path("sealed-large.bin")],
    isComparable: true,
  };
  rmSync(path("large.bin"));
  rmSync(path("sealed-large.bin"));
  mkdirSync(path("many"));
  const files = Array.from({ length: 1000 }, (_, index) => path(`many/${index}.yaml`));
  execFileSync("cp", [path("sealed-small.yaml"), files[0] ?? ""]);
  for (const file of files.slice(1)) execFileSync("cp", [files[0] ?? "", file]);
  yield {
    work: "1,000 small files, decrypt",
    args: ["decrypt", "--output-dir", path("opened"), ...files],
    sopsShell: `mkdir -p "${path("opened-sops")}"; for file in "${path("many")}"/*.yaml; do "$1" decrypt --output "${path("opened-sops")}/\${file##*/}" "$file" || exit; done`,
    runs: 2,
    programs: all,
    limits: both({ wall: 0.05 }),
  };
}
