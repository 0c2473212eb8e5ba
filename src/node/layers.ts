import { SopsmithError } from "../errors.ts";
import { flatText } from "../tree/flat-text.ts";
import { entry, find, map, type Mapping, type Node } from "../tree/node.ts";
import { pathText, type Path } from "../tree/path.ts";
import { leavesOf } from "./leaves.ts";

/** One file of several that lie over each other. */
export interface Layer {
  /** As the user named it. */
  readonly file: string;
  readonly root: Mapping;
  /** An ENV file: its keys are names of variables as they are. */
  readonly isVariables: boolean;
  /** The leaves that are encrypted in the file. */
  readonly encrypted: ReadonlySet<Node>;
}

/** What comes of several layers. */
export interface Layered {
  readonly root: Mapping;
  /** The layer that each leaf comes from. */
  readonly origin: ReadonlyMap<Node, Layer>;
  readonly layers: readonly Layer[];
}

/**
 * Lays files over each other, the last on top: mappings are merged at every depth, lists and leaves are replaced, comments left out. Of equal
 * keys in one mapping the last one counts.
 */
export function mergeLayers(layers: readonly Layer[]): Layered {
  const root = map([]);
  const origin = new Map<Node, Layer>();
  for (const layer of layers) {
    for (const { node } of leavesOf(layer.root)) origin.set(node, layer);
    const open: [Mapping, Mapping][] = [[root, layer.root]];
    for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
      const [into, from] = pair;
      for (const item of from.items) {
        if (item.kind !== "entry") continue;
        const { key, value } = item;
        let present = find(into, key);
        if (present === undefined) into.items.push((present = entry(key, value)));
        if (value.kind !== "map") {
          present.value = value;
          continue;
        }
        // A mapping of its own, so that no layer is changed by the next one.
        if (present.value === value || present.value.kind !== "map") present.value = map([]);
        open.push([present.value, value]);
      }
    }
  }
  return { root, origin, layers };
}

/** How the path of a value becomes the name of a variable. */
export interface Naming {
  /** In front of every name; default none. */
  readonly prefix?: string | undefined;
  /** Between the keys of a path; default `_`. */
  readonly separator?: string | undefined;
  /** Do not turn names into upper case. */
  readonly keepCase?: boolean | undefined;
}

/**
 * The name of the variable for a value: `DB_PASS` for `db.pass`. Keys and positions are joined by the separator, letters become upper case, and
 * whatever is not a letter, a digit or `_` becomes `_`.
 */
export function variableName(
  path: Path,
  { prefix = "", separator = "_", keepCase = false }: Naming,
): string {
  const words = path.map((step) => String(step).replaceAll(/[^\p{L}\p{N}_]/gu, "_"));
  const name = words.join(separator);
  return prefix + (keepCase ? name : name.toUpperCase());
}

/** A value as a variable of a program. */
export interface Variable {
  readonly name: string;
  /** Numbers, times and booleans are spelled as sops does. */
  readonly text: string;
  readonly path: Path;
  readonly layer: Layer;
  /** It is encrypted text: no number, boolean or time. */
  readonly isSecret: boolean;
}

/**
 * The variables that layered files give to a program, in the order of the files' keys. Null, an empty list and an empty mapping are no variable.
 * Where two files have the same name for different paths, the later file wins.
 *
 * @throws {SopsmithError} exit 1 for two values of one file with the same name, and for what cannot be a variable
 */
export function variablesOf({ root, origin, layers }: Layered, naming: Naming): Variable[] {
  const variables = new Map<string, Variable>();
  for (const { path, node } of leavesOf(root)) {
    const layer = origin.get(node);
    if (layer === undefined || node.kind === "map" || node.kind === "seq" || node.kind === "null")
      continue;
    const name = layer.isVariables
      ? `${naming.prefix ?? ""}${String(path[0])}`
      : variableName(path, naming);
    const text = flatText(node);
    refuseUnfit(name, text, path, layer);
    const isText = node.kind === "str" || node.kind === "bytes";
    const isSecret = isText && layer.encrypted.has(node);
    const other = variables.get(name);
    if (other?.layer === layer) throw sameName(name, other.path, path, layer);
    if (other === undefined || layers.indexOf(other.layer) < layers.indexOf(layer))
      variables.set(name, { name, text, path, layer, isSecret });
  }
  return [...variables.values()];
}

function refuseUnfit(name: string, text: string, path: Path, { file }: Layer): void {
  const refuse = (message: string, hint: string) => {
    throw new SopsmithError("not-an-environment", 1, `${message} (${file} at ${pathText(path)})`, {
      file,
      path: pathText(path),
      hint,
    });
  };
  if (name === "" || name.includes("=") || name.includes("\0"))
    refuse("this key cannot name a variable", "Rename the key, or leave it out with --only.");
  if (text.includes("\0"))
    refuse("a variable cannot hold NUL", "Give such data to the program with exec-file.");
  if (!text.isWellFormed() || !name.isWellFormed())
    refuse(
      "a variable cannot hold text that is not UTF-8",
      "Give such data to the program with exec-file.",
    );
}

function sameName(name: string, first: Path, second: Path, { file }: Layer): SopsmithError {
  return new SopsmithError(
    "not-an-environment",
    1,
    `${pathText(first)} and ${pathText(second)} would both be the variable ${name} (${file})`,
    {
      file,
      path: pathText(second),
      hint: "Rename one of them, or choose another separator, such as __.",
    },
  );
}
