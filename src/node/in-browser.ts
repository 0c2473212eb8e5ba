/** What a browser gets instead of the modules of this folder. The names let a bundler link what will be refused when it runs. */
const refuse = (): never => {
  throw new Error(
    "sopsmith decrypts secrets, so it runs on a server only: import it only in code that no browser loads.",
  );
};

export const load: never = refuse();
export const redactStream: never = refuse();
export const patchConsole: never = refuse();
export const openFile: never = refuse();
export const openText: never = refuse();
