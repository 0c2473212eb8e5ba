// npm run bench [-- --quick] [-- --check]: sopsmith beside real sops and the npm package sops-age on this machine, in interleaved
// runs; writes bench/RESULTS.md. --quick leaves out what takes longer than seconds, and writes nothing; --check ends with
// status 1 when a ratio is above its limit.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { counterpart } from "../test/counterparts.ts";
import { makeCases, type Case, type Limits, type Program } from "./cases.ts";
import { measureLibrary } from "./library.ts";
import { median, measure, type Measurement } from "./measure.ts";
import { measureStartup } from "./startup.ts";

const { values: flags } = parseArgs({
  options: { quick: { type: "boolean" }, check: { type: "boolean" } },
});

const root = join(import.meta.dirname, "..");
const programs: { readonly [program in Program]: readonly [string, ...string[]] } = {
  sops: [counterpart("sops")],
  npm: [process.execPath, join(root, "dist/bin/sopsmith.js")],
  standalone: [join(root, "standalone/sopsmith")],
};

const folder = mkdtempSync(join(tmpdir(), "sopsmith-bench-"));
const keyFile = join(folder, "keys.txt");
const env: Record<string, string> = {
  PATH: process.env["PATH"] ?? "",
  HOME: folder,
  SOPS_AGE_KEY_FILE: keyFile,
  SOPS_DISABLE_VERSION_CHECK: "1",
};

type Results = { readonly [program in Program]?: Measurement };

/** Ratios above their limit, one line each. */
const missed: string[] = [];

/** A ratio as it is shown, with its limit where it has one. */
function ratio(what: string, value: number, limit: number | undefined): string {
  const shown = `${value < 0.1 ? value.toFixed(3) : value.toFixed(2)}×`;
  if (limit === undefined) return shown;
  if (value > limit) missed.push(`${what}: ${shown}, limit ${limit}×`);
  return `${shown} (≤ ${limit}×)${value > limit ? " **missed**" : ""}`;
}

function runCase(benched: Case): Results {
  const argvOf = (program: Program): readonly string[] =>
    program === "sops" && benched.sopsShell !== undefined
      ? ["/bin/sh", "-c", benched.sopsShell, "sh", ...programs.sops]
      : [...programs[program], ...benched.args];
  const samples = new Map<Program, Measurement[]>();
  // Short runs get one that is not counted first: it warms the disk cache and the cache of compiled code.
  const warmUps = benched.runs > 3 ? 1 : 0;
  const first = new Map<Program, Buffer>();
  for (let round = -warmUps; round < benched.runs; round++) {
    for (const program of benched.programs) {
      const stdout = join(folder, `out-${program}`);
      const sample = measure({ argv: argvOf(program), env, stdout });
      if (benched.without)
        sample.wall -= measure({ argv: benched.without, env, stdout: "/dev/null" }).wall;
      if (round >= 0) samples.set(program, [...(samples.get(program) ?? []), sample]);
      if (round === -warmUps && benched.isComparable) first.set(program, readFileSync(stdout));
    }
  }
  const [one, ...others] = first.values();
  if (one !== undefined && (one.length === 0 || others.some((other) => !other.equals(one))))
    throw new Error(`the programs print different text: ${benched.work}`);
  return Object.fromEntries(
    [...samples].map(([program, list]) => [
      program,
      { wall: median(list.map(({ wall }) => wall)), peak: median(list.map(({ peak }) => peak)) },
    ]),
  );
}

function milliseconds(wall: number): string {
  if (wall < 10) return `${wall.toFixed(2)} ms`;
  return wall < 1000 ? `${wall.toFixed(0)} ms` : `${(wall / 1000).toFixed(2)} s`;
}

function row(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function resultRow({ work, limits }: Case, { sops, npm, standalone }: Results): string {
  const cells = (name: string, ours: Measurement | undefined, { wall, peak }: Limits = {}) => {
    if (!ours) return ["", "", "", ""];
    return [
      milliseconds(ours.wall),
      sops ? ratio(`${work}, ${name}, wall`, ours.wall / sops.wall, wall) : "",
      `${ours.peak.toFixed(0)} MiB`,
      sops ? ratio(`${work}, ${name}, memory`, ours.peak / sops.peak, peak) : "",
    ];
  };
  return row(
    work,
    sops ? milliseconds(sops.wall) : "",
    sops ? `${sops.peak.toFixed(0)} MiB` : "",
    ...cells("npm", npm, limits.npm),
    ...cells("standalone", standalone, limits.standalone),
  );
}

const columns =
  "work | sops wall | memory | npm wall | ratio | memory | ratio | standalone wall | ratio | memory | ratio";
const head = [row(columns), row("---", ...Array.from({ length: 10 }, () => "--:"))];

/** How many times time and memory grow with ten times the leaves: at most eleven. */
function growthTable(measured: readonly { benched: Case; results: Results }[]): string[] {
  const lines = [
    row("ten times the leaves", "npm wall", "npm memory", "standalone wall", "standalone memory"),
    row("---", "--:", "--:", "--:", "--:"),
  ];
  const series = Map.groupBy(
    measured.filter(({ benched }) => benched.series),
    ({ benched }) => benched.series?.name ?? "",
  );
  for (const [name, members] of series) {
    for (const [index, larger] of members.entries()) {
      const smaller = members[index - 1];
      if (!smaller) continue;
      const title = `${name}, ${smaller.benched.series?.leaves} → ${larger.benched.series?.leaves}`;
      const growth = (program: "npm" | "standalone", what: keyof Measurement) => {
        const [before, after] = [smaller.results[program], larger.results[program]];
        if (!before || !after) return "";
        return ratio(`${title}, ${program}, ${what}`, after[what] / before[what], 11);
      };
      const cells = (["npm", "standalone"] as const).flatMap((program) => [
        growth(program, "wall"),
        growth(program, "peak"),
      ]);
      lines.push(row(title, ...cells));
    }
  }
  return lines;
}

/** A ratio with its limit and with what is aimed at. */
function aimed(
  what: string,
  value: number,
  { limit, aim }: { limit: number; aim: number },
): string {
  return `${ratio(what, value, limit)}, aim ${aim}×`;
}

/** Beside the time that Node takes for itself, which no program of Node can do anything about. */
function startupTable(): string[] {
  const args = ["decrypt", join(folder, "sealed-small.yaml")];
  const { sops, npm, npmWithoutHome, standalone, node } = measureStartup(programs, args, env, 41);
  const line = (work: string, wall: number, shown: string) => row(work, milliseconds(wall), shown);
  return [
    row("small decrypt", "wall", "in units of sops"),
    row("---", "--:", "--:"),
    line("sops", sops, ""),
    line("`node -e 1`", node, ""),
    line(
      "npm minus `node -e 1`",
      npm - node,
      aimed("small decrypt, npm minus node -e 1", (npm - node) / sops, { limit: 1.2, aim: 0.8 }),
    ),
    line(
      "standalone",
      standalone,
      aimed("small decrypt, standalone", standalone / sops, { limit: 0.9, aim: 0.7 }),
    ),
    row(
      "npm with `HOME=/nonexistent`, in units of npm",
      milliseconds(npmWithoutHome),
      ratio("small decrypt without a home", npmWithoutHome / npm, 1.1),
    ),
  ];
}

function libraryTable(): string[] {
  const names = flags.quick
    ? ["sealed-10k.yaml", "sealed-10k.json"]
    : ["sealed-10k.yaml", "sealed-100k.yaml", "sealed-10k.json", "sealed-100k.json"];
  const { small, large } = measureLibrary(folder, names);
  const beside = small.decrypt - small.unwrap;
  const shown = `${milliseconds(beside)} (≤ 1 ms)${beside > 1 ? " **missed**" : ""}`;
  if (beside > 1) missed.push(`library, small document: ${milliseconds(beside)}, limit 1 ms`);
  return [
    row("library, warm process", "sops-age", "sopsmith", "ratio"),
    row("---", "--:", "--:", "--:"),
    row("`decrypt()`, 6-line YAML, beside the age unwrap", "", shown, ""),
    ...large.map(({ name, sopsAge, sopsmith }) =>
      row(
        `\`decrypt()\`, ${name.replace("sealed-", "")}`,
        milliseconds(sopsAge),
        milliseconds(sopsmith),
        ratio(`library, ${name}`, sopsmith / sopsAge, 0.25),
      ),
    ),
  ];
}

function machine(): string {
  const [cpu] = cpus();
  const version = execFileSync(programs.sops[0], ["--version"], { env, encoding: "utf8" });
  const { version: peer } = JSON.parse(
    readFileSync(join(root, "node_modules/sops-age/package.json"), "utf8"),
  ) as { version: string };
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? "unknown processor"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB,`,
    `${process.platform} ${release()} ${process.arch}; Node ${process.version},`,
    `${(version.split("\n")[0] ?? "").replace(/ \(.*/, "")}, sops-age ${peer}`,
  ].join(" ");
}

const report: string[] = [];
function print(...lines: string[]): void {
  report.push(...lines);
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

try {
  execFileSync(counterpart("ageKeygen"), ["-o", keyFile], { stdio: "ignore" });
  const recipient = execFileSync(counterpart("ageKeygen"), ["-y", keyFile], {
    encoding: "utf8",
  }).trim();
  const seal = (program: "sops" | "npm", name: string, ...options: readonly string[]) => {
    const [command, ...words] = programs[program];
    const [from, to] = [join(folder, name), join(folder, `sealed-${name}`)];
    const args = [...words, "encrypt", ...options, "--age", recipient, "--output", to, from];
    execFileSync(command, args, { env });
    if (statSync(to).size === 0) throw new Error(`nothing in ${to}`);
  };
  writeFileSync(join(folder, "flat.yaml"), "HOST: db.example\nUSER: shop\nPASSWORD: secret\n");
  seal("sops", "flat.yaml");
  print("# Benchmark", "", "Written by `npm run bench`: medians of interleaved runs, age key.", "");
  print(`${machine()}.`, "", ...head);
  const measured: { benched: Case; results: Results }[] = [];
  for (const benched of makeCases({ folder, recipient, seal, quick: flags.quick === true })) {
    const results = runCase(benched);
    measured.push({ benched, results });
    print(resultRow(benched, results));
  }
  print("", ...startupTable(), "", ...growthTable(measured), "", ...libraryTable());
  print("", missed.length === 0 ? "Every ratio is within its limit." : "Above their limit:");
  if (missed.length > 0) print("", ...missed.map((line) => `- ${line}`));
  if (!flags.quick) writeFileSync(join(root, "bench/RESULTS.md"), `${report.join("\n")}\n`);
  if (flags.check && missed.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
