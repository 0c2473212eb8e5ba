/**
 * sopsmith as a library: encrypt, decrypt and change files in the format of sops, from content or files, to content, files or objects.
 *
 * @example
 * import { decryptFileObject, encryptObject } from "sopsmith";
 * const { db } = await decryptFileObject<{ db: { password: string } }>("secrets.yaml");
 * const file = await encryptObject({ token: "s3cret" }, { recipients: { age: "age1…" } });
 *
 * @module sopsmith
 */
export { encrypt, encryptFile, encryptObject } from "./library/encrypt.ts";
export type { EncryptFileOptions, Storable } from "./library/encrypt.ts";
export { decrypt, decryptFile, decryptFileObject, decryptObject } from "./library/decrypt.ts";
export { rotate, rotateFile, update, updateFile } from "./library/change.ts";
export type { Change, Document } from "./library/change.ts";
export { isEncrypted, keygen, settingsOf, updateKeys, updateKeysFile } from "./library/keys.ts";
export type {
  AgeKey,
  InspectOptions,
  KeygenOptions,
  UpdateKeysFileOptions,
} from "./library/keys.ts";
export { creationRule } from "./library/creation-rule.ts";
export type { CreationRule, FoundRule } from "./library/creation-rule.ts";
export { loadEnv, loadIni } from "./library/loaders.ts";
export type { LoadEnvOptions, LoadIniOptions } from "./library/loaders.ts";
export type {
  ConfigOptions,
  DecryptOptions,
  EncryptOptions,
  FormatOptions,
  OpenOptions,
  Recipients,
  RotateOptions,
  SelectionOptions,
  UpdateKeysOptions,
  WriteOptions,
} from "./library/options.ts";
export type { Surroundings } from "./library/surroundings.ts";
export { SopsmithError, type ErrorCode } from "./errors.ts";
export type { FormatName } from "../formats/format.ts";
export type { KeyType } from "./keys/provider.ts";
export type { LayoutChoice } from "./layout/choice.ts";
export type { Path } from "./tree/path.ts";
export type { Plain, PlainObject } from "./tree/plain.ts";
export { VERSION as version } from "./version.ts";
