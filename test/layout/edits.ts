import { setPath, unsetPath, type Path } from "../../src/tree/path.ts";
import { fromPlain, type Plain } from "../../src/tree/plain.ts";
import { changeText } from "../verbs.ts";

type Edit = (sealed: string) => Promise<string>;

/** Sets a value of an encrypted text. Positions in lists count comments. */
export const set =
  (path: Path, value: Plain): Edit =>
  async (sealed) =>
    (await changeText(
      sealed,
      ([first]) => first !== undefined && setPath(first, path, fromPlain(value)),
      {
        layout: "keep",
      },
    )) ?? sealed;

/** Takes one out. */
export const unset =
  (path: Path): Edit =>
  async (sealed) =>
    (await changeText(sealed, ([first]) => first !== undefined && unsetPath(first, path), {
      layout: "keep",
    })) ?? sealed;
