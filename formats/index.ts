import type { Format, FormatName } from "./format.ts";

export interface FormatEntry {
  /** Endings of the path, case-sensitive. */
  extensions: readonly string[];
  load(): Promise<Format>;
}

export const formats: Record<FormatName, FormatEntry> = {
  yaml: { extensions: [".yaml", ".yml"], load: async () => (await import("./yaml.ts")).yaml },
  json: { extensions: [".json"], load: async () => (await import("./json.ts")).json },
  dotenv: { extensions: [".env"], load: async () => (await import("./dotenv.ts")).dotenv },
  ini: { extensions: [".ini"], load: async () => (await import("./ini.ts")).ini },
  binary: { extensions: [], load: async () => (await import("./binary.ts")).binary },
};

const names = Object.keys(formats) as FormatName[];

/** The format of exactly that name, for `--input-type` and `--output-type`. */
export function formatNamed(name: string): FormatName | undefined {
  return names.find((known) => known === name);
}

/** The format by the path's ending; `binary` where no other claims it. */
export function formatForPath(path: string): FormatName {
  return (
    names.find((name) => formats[name].extensions.some((extension) => path.endsWith(extension))) ??
    "binary"
  );
}

export function loadFormat(name: FormatName): Promise<Format> {
  return formats[name].load();
}
