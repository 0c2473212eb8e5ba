// The page that compares sopsmith with sops, from what was measured and from what the tests compare.
import { departures, lines } from "../../test/differential/command-line/lines.ts";
import { measuredRows } from "./figures.ts";

const outcomes = { code: "exit code", stdout: "output", files: "files" } as const;

/** `8×`, or `2.1× slower`. */
function comparison(times: number): string {
  return times >= 1
    ? `**${times >= 10 ? Math.round(times) : times.toFixed(1)}×** as fast`
    : `${(1 / times).toFixed(1)}× slower`;
}

/** @param results the text of bench/RESULTS.md */
export function sideBySidePage(results: string): string {
  const rows = measuredRows(results);
  if (rows.length < 10)
    throw new Error("bench/RESULTS.md has too few rows that sops was measured in");
  const machine = /^(\d+ × [^\n]*)$/m.exec(results)?.[1]?.replace(/\.$/, "") ?? "";
  const used = new Set(lines.flatMap(({ differs }) => differs ?? []));
  const different = Object.entries(departures).filter(([name]) =>
    [...used].some((one) => one === name),
  );
  return `# sopsmith and sops, side by side

Both programs read and write the same files: start with either, switch at any time, or use both. This page is generated from the benchmark and the tests.

## What you get on top

| | sops | sopsmith |
| --- | --- | --- |
| Layout of YAML, JSON, ENV and INI | its own | [the author's, byte for byte](layout.md) |
| Two branches change one file | a conflict, at least in the MAC | [merged by value](guides/git.md) |
| \`git diff\` | set up by hand | [\`git install\`](guides/git.md) |
| Find secrets that are not encrypted | | [\`check\`](rules/README.md), without a key |
| Review what a branch changes | ciphertexts | [\`diff\`](guides/git.md#diff-without-a-key), without a key |
| Several files in one command | | [every command](guides/laptop.md#many-files-at-once) |
| Who can open what | | \`who\`, \`secrets age\` |
| Types for programs | | [\`types\`](guides/node.md), without a key |
| Secrets in the output of a program | printed | masked by \`run\` |
| Something does not work | | \`doctor\` tells you what to do |
| Kubernetes | other projects | [operator](guides/kubernetes.md), [kustomize](kustomize.md), [Terraform](guides/terraform.md) |
| Library | Go | [TypeScript](guides/node.md) |
| Network while starting | asks for a new version unless told not to | none |
| One small executable, hardly any start-up time | **yes** | 140 MB, or Node.js |
| Years of use, many reviewers, packages everywhere | **yes** | no: it is new |

## Speed

Medians of interleaved runs of the npm command (${machine}). The standalone executable starts in half the time; [all results](../bench/RESULTS.md) have its figures, memory, and the limits that the benchmark enforces.

| work | sops | sopsmith | |
| --- | --: | --: | --- |
${rows.map(({ work, sops, sopsmith, times }) => `| ${work} | ${sops} | ${sopsmith} | ${comparison(times)} |`).join("\n")}

On a small file, sops is faster: Node.js itself takes about 30 ms to start. On anything that takes long enough to notice, sopsmith is.

## The same behaviour

The tests run ${lines.length} command lines through both programs, on the same files, and compare the exit code, the output, the files left behind and the first words of messages. In addition, random documents go through both programs, in both directions. Of the command lines, ${lines.filter(({ differs }) => differs !== undefined).length} differ, each for one of these reasons:

| reason | differs in |
| --- | --- |
${different.map(([, { spec, in: where }]) => `| ${spec.replace(/^[^:]*: /, "")} | ${where.map((part) => outcomes[part]).join(", ")} |`).join("\n")}

A [list](departures.md) has all deliberate differences, including those in formats and messages.
`;
}
