// The command reference and the manual pages, from the definitions of the commands: docs/reference.md and man/*.1;
// and the pages of the rules of `sopsmith check`: docs/rules/*.md;
// and docs/error-codes.md. The README gets the figures of bench/RESULTS.md.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodesPage } from "./docs/error-codes.ts";
import { withFigures } from "./docs/figures.ts";
import { manPages } from "./docs/man.ts";
import { referenceText } from "./docs/markdown.ts";
import { allPages } from "./docs/pages.ts";
import { rulePages } from "./docs/rules.ts";
import { sideBySidePage } from "./docs/side-by-side.ts";

const root = join(import.meta.dirname, "..");
const pages = await allPages();
writeFileSync(join(root, "docs/reference.md"), referenceText(pages));
rmSync(join(root, "man"), { recursive: true, force: true });
mkdirSync(join(root, "man"));
for (const [name, text] of manPages(pages)) writeFileSync(join(root, "man", name), text);
rmSync(join(root, "docs/rules"), { recursive: true, force: true });
mkdirSync(join(root, "docs/rules"));
for (const [name, text] of rulePages()) writeFileSync(join(root, "docs/rules", name), text);

writeFileSync(join(root, "docs/error-codes.md"), errorCodesPage());

const readme = readFileSync(join(root, "README.md"), "utf8");
const results = readFileSync(join(root, "bench/RESULTS.md"), "utf8");
writeFileSync(join(root, "README.md"), withFigures(readme, results));
writeFileSync(join(root, "docs/side-by-side.md"), sideBySidePage(results));
