import type { LoadedConfig } from "../config/loaded-config.ts";
import type { RulesInForce } from "../check/rules-in-force.ts";
import type { SopsmithError } from "../errors.ts";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import type { KeyType, MasterKey } from "../keys/provider.ts";
import type { FormatName } from "../../formats/format.ts";
import type { Metadata } from "../metadata/metadata.ts";

/** `ok` works, `problem` has something to do, `unused` is not there or was not looked at, and need not be. */
export type State = "ok" | "problem" | "unused";

/** One row of the table. It holds no secret. */
export interface Finding {
  /** What was looked at: `age keys`. */
  readonly name: string;
  readonly state: State;
  /** What was found, on one line. */
  readonly text: string;
  /** What to do about it: a whole sentence. Every problem has one. */
  readonly todo?: string;
  /** Of several problems, the one with the lowest number is named first. */
  readonly rank?: number;
}

/** How urgent a problem is, and how likely it is the cause of others: the lowest number is the first thing to do. */
export const ranks = {
  exposed: 0,
  fileUnreadable: 10,
  fileFormat: 11,
  fileBroken: 12,
  configBroken: 20,
  keySource: 30,
  tool: 31,
  fileKey: 32,
  mac: 40,
  rule: 50,
  config: 51,
  noKey: 60,
  variable: 61,
  recipients: 62,
  version: 63,
  access: 70,
  git: 80,
  editor: 90,
  rescue: 100,
} as const;

/** The file that is asked about, as far as it can be read. */
export interface File {
  /** As the user named it, fit for one line. */
  readonly shown: string;
  /** Absolute. */
  readonly path: string;
  readonly content: Uint8Array | undefined;
  /** Undefined where it is not encrypted. */
  readonly format: FormatName | undefined;
  /** Undefined where there is none, or it cannot be read. */
  readonly metadata: Metadata | undefined;
  /** Why there is no content or no metadata. */
  readonly error: SopsmithError | undefined;
}

/** The configuration in force, as far as it can be read. */
export interface Configuration {
  /** Why that one. */
  readonly why: string;
  readonly loaded: LoadedConfig | undefined;
  readonly rules: RulesInForce | undefined;
  readonly error: SopsmithError | undefined;
  readonly warnings: readonly string[];
}

/** What all checks look at. */
export interface Patient {
  readonly host: Host;
  readonly file: File | undefined;
  readonly config: Configuration;
  readonly services: readonly KeyService[];
  /** Keys that are used over the network may be asked. */
  readonly mayUseNetwork: boolean;
  /** The keys of the file, and those of the creation rules. */
  readonly keys: readonly MasterKey[];
}

export type Check = (patient: Patient) => Promise<readonly Finding[]>;

/** Whether some key of the type is in the file or in a rule. */
export const uses = ({ keys }: Patient, type: KeyType): boolean =>
  keys.some((key) => key.type === type);
