/**
 * sopsmith as a library: encrypt, decrypt and change files in the format of sops, from bytes or files, to bytes, files or plain objects.
 *
 * @example
 * import { decryptFile, readFileObject } from "sopsmith";
 * const text = await decryptFile("secrets.yaml"); // Uint8Array, MAC checked
 * const config = await readFileObject("secrets.yaml"); // plain object
 *
 * @module
 */
export {
  decrypt,
  decryptFile,
  encrypt,
  encryptFile,
  encryptObject,
  generateDocument,
  readFileObject,
  readObject,
  rotate,
  rotateFile,
  update,
  updateFile,
  type DecryptOptions,
  type Document,
  type EncryptOptions,
  type FileOptions,
  type OpenOptions,
  type Recipients,
  type RotateOptions,
  type WriteOptions,
} from "./library.ts";
export { loadEnv, loadIni } from "./loaders.ts";
export { SopsmithError } from "./errors.ts";
export { isEncrypted } from "./status.ts";
export type { FormatName } from "../formats/format.ts";
export type { Host } from "./io/host.ts";
export type { Path } from "./tree/path.ts";
export type { Plain, PlainObject } from "./tree/plain.ts";
export { version } from "./version.ts";
