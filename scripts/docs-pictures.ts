// The pictures of the documentation: recorded sessions in docs/sessions, made from real runs of the built command, and
// drawings in docs/diagrams, made from the text files beside them.
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { columns, record, sessions } from "./pictures/sessions.ts";
import { drawingPicture, terminalPicture } from "./pictures/svg.ts";

const root = join(import.meta.dirname, "..");
const program = `'${process.execPath}' '${join(root, "dist/bin/sopsmith.js")}'`;

mkdirSync(join(root, "docs/sessions"), { recursive: true });
for (const session of sessions) {
  const picture = terminalPicture(session.title, record(session, program), columns);
  writeFileSync(join(root, "docs/sessions", `${session.name}.svg`), picture);
}
for (const name of globSync("docs/diagrams/*.txt", { cwd: root })) {
  const text = readFileSync(join(root, name), "utf8");
  writeFileSync(join(root, name.replace(/\.txt$/, ".svg")), drawingPicture(text));
}
