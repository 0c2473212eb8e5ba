/**
 * What a browser gets instead of the library. The names let a bundler link what is refused when it runs.
 *
 * @throws always
 */
const refuse = (): never => {
  throw new Error(
    "sopsmith decrypts secrets, so it runs on a server only: import it only in code that no browser loads.",
  );
};

export const encrypt: never = refuse();
export const encryptFile: never = refuse();
export const encryptObject: never = refuse();
export const decrypt: never = refuse();
export const decryptFile: never = refuse();
export const decryptObject: never = refuse();
export const decryptFileObject: never = refuse();
export const update: never = refuse();
export const updateFile: never = refuse();
export const rotate: never = refuse();
export const rotateFile: never = refuse();
export const updateKeys: never = refuse();
export const updateKeysFile: never = refuse();
export const isEncrypted: never = refuse();
export const settingsOf: never = refuse();
export const creationRule: never = refuse();
export const keygen: never = refuse();
export const loadEnv: never = refuse();
export const loadIni: never = refuse();
export const SopsmithError: never = refuse();
export const version: never = refuse();
