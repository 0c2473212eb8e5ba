import { SopsmithError } from "../errors.ts";
import { readKubeYaml } from "../k8s/kube-yaml.ts";
import { GROUP } from "../k8s/sops-secret.ts";
import type { MapValue, Value } from "../k8s/value.ts";
import type { Subject } from "./subject.ts";
import type { Tree } from "./tree.ts";

/** A Kustomization of Flux: a folder of the repository that a cluster applies. */
export interface FluxKustomization {
  readonly file: string;
  /** Its first. */
  readonly line: number;
  readonly name: string;
  readonly decrypts: boolean;
  /** The public key that belongs to the cluster's, from the annotation `sopsmith.dev/recipient`. */
  readonly recipient: string | undefined;
  /** Encrypted files that it applies and Flux would have to decrypt, in order. */
  readonly sealed: readonly { readonly file: string; readonly recipients: ReadonlySet<string> }[];
}

const FLUX_SIGN = "kustomize.toolkit.fluxcd.io/";

/** May the file hold a Kustomization of Flux? Others need not be read again. */
export const mayBeFlux = ({ format, content }: Subject): boolean =>
  format === "yaml" &&
  Buffer.from(content.buffer, content.byteOffset, content.byteLength).includes(FLUX_SIGN);

/** Names the cluster's public key, so that files can be compared with it. */
export const RECIPIENT_ANNOTATION = "sopsmith.dev/recipient";

/**
 * The Kustomizations of Flux in a repository, with the encrypted files that each applies: those that the folder's
 * `kustomization.yaml` leads to, or all in the folder where there is none. `spec.path` counts from where the check runs.
 */
export async function fluxKustomizations(tree: Tree): Promise<FluxKustomization[]> {
  const found: FluxKustomization[] = [];
  for (const { file, mayBeFlux } of tree.seen) {
    if (!mayBeFlux) continue;
    for (const document of await documentsIn(file, tree)) {
      const spec = document.entries.get("spec");
      if (textOf(document, "kind") !== "Kustomization" || spec?.kind !== "map") continue;
      if (textOf(document, "apiVersion")?.startsWith(FLUX_SIGN) !== true) continue;
      const metadata = mapIn(document, "metadata");
      const folder = normal(textOf(spec, "path") ?? ".");
      if (folder === undefined) continue;
      found.push({
        file,
        line: document.line,
        name: textOf(metadata, "name") ?? "",
        decrypts: spec.entries.get("decryption")?.kind === "map",
        recipient: textOf(mapIn(metadata, "annotations"), RECIPIENT_ANNOTATION),
        sealed: await sealedBelow(folder, tree),
      });
    }
  }
  return found;
}

async function sealedBelow(folder: string, tree: Tree): Promise<FluxKustomization["sealed"]> {
  const applied = new Set<string>();
  await follow(folder, tree, applied, new Set());
  const sealed: { file: string; recipients: ReadonlySet<string> }[] = [];
  for (const { file, isSealed } of tree.seen) {
    if (!isSealed || !applied.has(file)) continue;
    const subject = await tree.read(file);
    const metadata = subject?.sealed?.metadata;
    if (subject === undefined || metadata === undefined) continue;
    if (documentsOf(subject).some(isForOperator)) continue;
    const ids = metadata.keyGroups.flat().map(({ id }) => id);
    sealed.push({ file, recipients: new Set(ids) });
  }
  return sealed;
}

const lists = ["resources", "bases", "components"];
const generators = ["secretGenerator", "configMapGenerator"];

/** Adds what a folder leads to. A file that is named outside of the repository is left out. */
async function follow(
  folder: string,
  tree: Tree,
  applied: Set<string>,
  visited: Set<string>,
): Promise<void> {
  if (visited.has(folder)) return;
  visited.add(folder);
  const inside = folder === "" ? "" : `${folder}/`;
  const own = ["kustomization.yaml", "kustomization.yml", "Kustomization"]
    .map((name) => inside + name)
    .find((name) => tree.names.has(name));
  if (own === undefined) {
    for (const name of tree.names) if (name.startsWith(inside)) applied.add(name);
    return;
  }
  for (const document of await documentsIn(own, tree))
    for (const named of namedIn(document)) {
      const path = normal(inside + named);
      if (path === undefined) continue;
      if (tree.names.has(path)) applied.add(path);
      else await follow(path, tree, applied, visited);
    }
}

/** Files and folders that a `kustomization.yaml` names. */
function namedIn(value: MapValue): string[] {
  const own = lists.flatMap((list) => textsIn(value.entries.get(list)));
  const made = generators.flatMap((list) => {
    const items = value.entries.get(list);
    return (items?.kind === "list" ? items.items : []).flatMap((item) =>
      item.kind === "map"
        ? ["files", "envs", "env"].flatMap((field) => textsIn(item.entries.get(field)))
        : [],
    );
  });
  // `KEY=FILE`
  return [...own, ...made.map((text) => text.slice(text.indexOf("=") + 1))];
}

function textsIn(value: Value | undefined): string[] {
  if (value?.kind === "text") return [value.value];
  return value?.kind === "list" ? value.items.flatMap(textsIn) : [];
}

/** A path from the repository's root without `.` and `..`; undefined for one that leads out. */
function normal(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

async function documentsIn(file: string, tree: Tree): Promise<MapValue[]> {
  const subject = await tree.read(file);
  return subject === undefined ? [] : documentsOf(subject);
}

/** None for a file that Kubernetes could not read. */
function documentsOf({ content, file }: Subject): MapValue[] {
  try {
    const documents = readKubeYaml(content, file, () => undefined);
    return documents.flatMap(({ value }) => (value.kind === "map" ? [value] : []));
  } catch (error) {
    if (error instanceof SopsmithError) return [];
    throw error;
  }
}

/** SopsSecrets are applied as they are. */
const isForOperator = (document: MapValue): boolean =>
  textOf(document, "apiVersion")?.startsWith(`${GROUP}/`) === true;

function mapIn(map: MapValue | undefined, key: string): MapValue | undefined {
  const value = map?.entries.get(key);
  return value?.kind === "map" ? value : undefined;
}

function textOf(map: MapValue | undefined, key: string): string | undefined {
  const value = map?.entries.get(key);
  return value?.kind === "text" ? value.value : undefined;
}
