// The command reference and the manual pages, from the definitions of the commands: docs/reference.md and man/*.1.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manPages } from "./docs/man.ts";
import { referenceText } from "./docs/markdown.ts";
import { allPages } from "./docs/pages.ts";

const root = join(import.meta.dirname, "..");
const pages = await allPages();
writeFileSync(join(root, "docs/reference.md"), referenceText(pages));
rmSync(join(root, "man"), { recursive: true, force: true });
mkdirSync(join(root, "man"));
for (const [name, text] of manPages(pages)) writeFileSync(join(root, "man", name), text);
