import type { DestinationSource } from "../config/config.ts";
import type { Host } from "../io/host.ts";

/** What came of an upload: `unchanged` when the same was there already. */
export type Outcome = "uploaded" | "unchanged";

interface Common {
  /** The field of a destination rule that asks for it. */
  readonly field: "s3_bucket" | "gcs_bucket" | "vault_path";
  /** Where a file of this name goes, as the user is asked about it. */
  locate(rule: DestinationSource, name: string, host: Host): string;
}

/** Takes files, encrypted as they are. */
export interface FileDestination extends Common {
  readonly takes: "file";
  /** @throws {SopsmithError} exit 1 when the upload is refused */
  upload(bytes: Uint8Array, rule: DestinationSource, name: string, host: Host): Promise<Outcome>;
}

/** Takes what is in a file, decrypted, as one JSON object. */
export interface DataDestination extends Common {
  readonly takes: "data";
  /** @throws {SopsmithError} exit 1 when the upload is refused */
  upload(json: string, rule: DestinationSource, name: string, host: Host): Promise<Outcome>;
}

export type Destination = FileDestination | DataDestination;
