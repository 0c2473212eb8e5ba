// notes.ts TAG: prints the notes of the release, its section of CHANGELOG.md. Ends with status 1 where the tag, the version
// of package.json and the sections of CHANGELOG.md do not agree: nothing may be published then.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const [tag = ""] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
};

/** Why the release must not be made; its notes otherwise. */
function notes(): { problem: string } | { text: string } {
  if (tag !== `v${version}`)
    return { problem: `the tag is ${tag}, but package.json has version ${version}` };
  const sections = readFileSync(
    process.env["CHANGELOG"] ?? join(root, "CHANGELOG.md"),
    "utf8",
  ).split(/^## /m);
  const section = sections.find((text) => text.startsWith(`[${version}] - `));
  if (section === undefined) return { problem: `CHANGELOG.md has no section [${version}] - DATE` };
  const [heading = "", ...lines] = section.split("\n");
  if (!/ - \d{4}-\d\d-\d\d$/.test(heading))
    return { problem: `CHANGELOG.md: "${heading}" does not end in a date such as 2026-01-31` };
  const text = lines.join("\n").trim();
  return text === "" ? { problem: `CHANGELOG.md says nothing about ${version}` } : { text };
}

const result = notes();
if ("problem" in result) {
  process.stderr.write(`${result.problem}\n`);
  process.exitCode = 1;
} else process.stdout.write(`${result.text}\n`);
