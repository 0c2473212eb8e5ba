import { basename } from "node:path";
import type { FormatName } from "../../formats/format.ts";
import { formatForPath, loadFormat } from "../../formats/index.ts";
import { looksSealed, sealedText } from "../crypto/ciphertext.ts";
import { inFile, SopsmithError } from "../errors.ts";
import { detach } from "../metadata/placement.ts";
import { sealedFormat } from "../status.ts";
import { map, str, type Documents, type Mapping, type Node } from "../tree/node.ts";
import { pathText } from "../tree/path.ts";
import { unquoted, variableKey } from "./env-text.ts";
import type { Layer } from "./layers.ts";
import { leavesOf } from "./leaves.ts";

/** Names of files that are encrypted by agreement: `secrets.enc.yaml`, `.env.enc`, `.enc.env`. */
const ENCRYPTED_NAME = /\.enc\.[^.]+$|\.enc$/;

/**
 * Reads one of several files that lie over each other; it may be encrypted or not. Only the first document of a YAML file counts.
 *
 * @param file as the user named it
 * @param open decrypts a file of this format
 * @throws {SopsmithError} exit 1 for a file that cannot be parsed, and for an unencrypted one whose name says that it is encrypted
 */
export async function readLayer(
  content: Uint8Array,
  file: string,
  open: (content: Uint8Array, format: FormatName) => Promise<Documents>,
): Promise<Layer> {
  const byName = formatForPath(file);
  const format = await sealedFormat(content, byName);
  if (format === undefined) return unencryptedLayer(content, file, byName);
  const { parse, placement } = await loadFormat(format);
  const stored = parse(content, { sealed: true });
  detach(stored, placement);
  const ciphertexts = encryptedPaths(stored[0] ?? map([]));
  const [root = map([])] = await open(content, format);
  const encrypted = new Set<Node>();
  for (const { path, node } of leavesOf(root))
    if (ciphertexts.has(pathText(path))) encrypted.add(node);
  return layerOf({ file, root, format, encrypted });
}

async function unencryptedLayer(
  content: Uint8Array,
  file: string,
  format: FormatName,
): Promise<Layer> {
  const refuse = (message: string, hint: string) =>
    new SopsmithError("metadata-not-found", 1, message, { file, hint });
  if (ENCRYPTED_NAME.test(basename(file)))
    throw refuse(
      `${file} is not encrypted, though its name says so`,
      `Encrypt it (sopsmith encrypt -i ${file}), or take .enc out of its name.`,
    );
  if (format === "binary")
    throw refuse(
      `${file} is neither an encrypted file nor a file with variables`,
      "Name a YAML, JSON, ENV or INI file.",
    );
  try {
    const { parse } = await loadFormat(format);
    const [root = map([])] = parse(content, { sealed: false });
    return layerOf({ file, root, format, encrypted: new Set() });
  } catch (error) {
    throw error instanceof SopsmithError ? inFile(error, file) : error;
  }
}

function encryptedPaths(root: Mapping): Set<string> {
  const paths = new Set<string>();
  for (const { path, node } of leavesOf(root))
    if (node.kind === "str" && looksSealed(sealedText(node) ?? "")) paths.add(pathText(path));
  return paths;
}

function layerOf({
  file,
  root,
  format,
  encrypted,
}: {
  file: string;
  root: Mapping;
  format: FormatName;
  encrypted: Set<Node>;
}): Layer {
  const isVariables = format === "dotenv";
  if (isVariables)
    for (const item of root.items) {
      if (item.kind !== "entry") continue;
      item.key = variableKey(item.key);
      const { value } = item;
      if (value.kind !== "str") continue;
      item.value = str(unquoted(value.value));
      if (encrypted.has(value)) encrypted.add(item.value);
    }
  return { file, root, isVariables, encrypted };
}
