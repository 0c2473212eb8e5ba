// npm run bench [-- --quick] [-- --write]: sopsmith beside real sops on this machine, in interleaved runs.
// --quick leaves out 100k leaves and the large binary; --write puts the tables into bench/RESULTS.md.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { counterpart } from "../test/counterparts.ts";
import { jsonDocument, smallYaml, writeBinary, yamlDocument } from "./documents.ts";
import { median, measure, type Measurement } from "./measure.ts";

const { values: flags } = parseArgs({
  options: { quick: { type: "boolean" }, write: { type: "boolean" } },
});

const root = join(import.meta.dirname, "..");
const programs = {
  sops: [counterpart("sops")],
  sopsmith: [process.execPath, join(root, "dist/bin/sopsmith.js")],
} as const;
type Program = keyof typeof programs;
const names: readonly Program[] = ["sops", "sopsmith"];

interface Case {
  work: string;
  args: readonly string[];
  runs: number;
  /** Both programs must print the same. */
  isComparable: boolean;
  /** Cases of one series differ in size only. */
  series?: { name: string; size: number };
}

type Result = { [program in Program]: Measurement };

const folder = mkdtempSync(join(tmpdir(), "sopsmith-bench-"));
const keyFile = join(folder, "keys.txt");
const env: Record<string, string> = {
  PATH: process.env["PATH"] ?? "",
  HOME: folder,
  SOPS_AGE_KEY_FILE: keyFile,
  SOPS_DISABLE_VERSION_CHECK: "1",
};

/** Writes the plain file, has real sops encrypt it (both programs then open the same file) and returns the two cases. */
function encryptAndDecrypt(
  name: string,
  recipient: string,
  label: string,
  runs: number,
  size: number,
): Case[] {
  const plain = join(folder, name);
  const sealed = join(folder, `sealed-${name}`);
  execFileSync(programs.sops[0], ["encrypt", "--age", recipient, "--output", sealed, plain], {
    env,
  });
  const format = label.split(",")[0] ?? label;
  return [
    {
      work: `${label}, encrypt`,
      args: ["encrypt", "--age", recipient, plain],
      runs,
      isComparable: false,
      series: { name: `${format}, encrypt`, size },
    },
    {
      work: `${label}, decrypt`,
      args: ["decrypt", sealed],
      runs,
      isComparable: true,
      series: { name: `${format}, decrypt`, size },
    },
  ];
}

function* makeCases(recipient: string): Generator<Case> {
  yield { work: "--version", args: ["--version"], runs: 21, isComparable: false };
  writeFileSync(join(folder, "small.yaml"), smallYaml);
  yield* encryptAndDecrypt("small.yaml", recipient, "6-line YAML", 21, 5);
  for (const [size, label, runs] of [
    [1000, "1k", 9],
    [10_000, "10k", 5],
    [100_000, "100k", 3],
  ] as const) {
    if (flags.quick && size > 10_000) continue;
    writeFileSync(join(folder, `${label}.yaml`), yamlDocument(size));
    yield* encryptAndDecrypt(`${label}.yaml`, recipient, `YAML, ${label} leaves`, runs, size);
    writeFileSync(join(folder, `${label}.json`), jsonDocument(size));
    yield* encryptAndDecrypt(`${label}.json`, recipient, `JSON, ${label} leaves`, runs, size);
  }
  if (flags.quick) return;
  writeBinary(join(folder, "large.bin"), 100);
  yield* encryptAndDecrypt("large.bin", recipient, "binary, 100 MiB", 3, 100);
}

function runCase(benched: Case): Result {
  const samples: { [program in Program]: Measurement[] } = { sops: [], sopsmith: [] };
  const outputs = { sops: join(folder, "out-sops"), sopsmith: join(folder, "out-sopsmith") };
  // The first round warms the disk cache and the compile cache and is not counted.
  for (let round = 0; round <= benched.runs; round++) {
    for (const name of names) {
      const sample = measure({
        argv: [...programs[name], ...benched.args],
        env,
        stdout: outputs[name],
      });
      if (round > 0) samples[name].push(sample);
    }
    if (
      round === 0 &&
      benched.isComparable &&
      !readFileSync(outputs.sops).equals(readFileSync(outputs.sopsmith))
    ) {
      throw new Error(`the two programs print different text: ${benched.work}`);
    }
    if (statSync(outputs.sopsmith).size === 0)
      throw new Error(`sopsmith printed nothing: ${benched.work}`);
  }
  const middle = (name: Program): Measurement => ({
    wall: median(samples[name].map((sample) => sample.wall)),
    peak: median(samples[name].map((sample) => sample.peak)),
  });
  return { sops: middle("sops"), sopsmith: middle("sopsmith") };
}

function milliseconds(wall: number): string {
  return wall < 1000 ? `${wall.toFixed(0)} ms` : `${(wall / 1000).toFixed(2)} s`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

function row(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

const head = [
  row("work", "sops wall", "sopsmith wall", "ratio", "sops peak", "sopsmith peak", "ratio"),
  row("---", "--:", "--:", "--:", "--:", "--:", "--:"),
];

function resultRow(work: string, { sops, sopsmith }: Result): string {
  return row(
    work,
    milliseconds(sops.wall),
    milliseconds(sopsmith.wall),
    times(sopsmith.wall / sops.wall),
    `${sops.peak.toFixed(0)} MiB`,
    `${sopsmith.peak.toFixed(0)} MiB`,
    times(sopsmith.peak / sops.peak),
  );
}

type Measured = Case & { result: Result };

/** How many times the time and memory grow from one size of a series to the next. */
function growthTable(measured: readonly Measured[]): string[] {
  const rows: string[] = [];
  const series = Map.groupBy(measured, (one) => one.series?.name);
  for (const [name, members] of series) {
    if (name === undefined) continue;
    for (const [index, larger] of members.entries()) {
      const smaller = members[index - 1];
      if (!smaller) continue;
      const growth = (program: Program, what: keyof Measurement) =>
        times(larger.result[program][what] / smaller.result[program][what]);
      rows.push(
        row(
          `${name}, ${smaller.series?.size} → ${larger.series?.size} leaves`,
          growth("sops", "wall"),
          growth("sopsmith", "wall"),
          growth("sops", "peak"),
          growth("sopsmith", "peak"),
        ),
      );
    }
  }
  return [
    row("growth", "sops wall", "sopsmith wall", "sops peak", "sopsmith peak"),
    row("---", "--:", "--:", "--:", "--:"),
    ...rows,
  ];
}

function machine(): string {
  const [cpu] = cpus();
  const sops =
    execFileSync(programs.sops[0], ["--version"], { env, encoding: "utf8" }).split("\n")[0] ?? "";
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? "unknown processor"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB,`,
    `${process.platform} ${process.arch}, Node ${process.version}, ${sops.replace(/ \(.*/, "")}`,
  ].join(" ");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  execFileSync(counterpart("ageKeygen"), ["-o", keyFile], { stdio: "ignore" });
  const recipient = execFileSync(counterpart("ageKeygen"), ["-y", keyFile], {
    encoding: "utf8",
  }).trim();
  const intro = [`Medians of interleaved runs, age key. ${machine()}.`, "", ...head];
  intro.forEach(print);
  const measured: Measured[] = [];
  for (const benched of makeCases(recipient)) {
    const result = runCase(benched);
    measured.push({ ...benched, result });
    print(resultRow(benched.work, result));
  }
  const growth = growthTable(measured);
  ["", ...growth].forEach(print);
  if (flags.write) {
    const rows = measured.map(({ work, result }) => resultRow(work, result));
    const text = [
      "# Benchmark",
      "",
      "Written by `npm run bench -- --write`.",
      "",
      ...intro,
      ...rows,
      "",
      ...growth,
      "",
    ];
    writeFileSync(join(root, "bench/RESULTS.md"), text.join("\n"));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
