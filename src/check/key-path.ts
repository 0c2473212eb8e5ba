import type { Path } from "../tree/path.ts";

/** A place in a file's tree as a reader says it: `db.users[0].name`, and `["odd key"]` for what is no plain word. */
export function keyPath(path: Path): string {
  let text = "";
  for (const step of path)
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  return text === "" ? "the top level" : text;
}
