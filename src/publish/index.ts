import type { Destination } from "./destination.ts";

interface DestinationEntry {
  readonly field: Destination["field"];
  load(): Promise<Destination>;
}

/** Everywhere that files can be published to. Each is loaded when a rule asks for it. */
export const destinations: readonly DestinationEntry[] = [
  { field: "s3_bucket", load: async () => (await import("./s3.ts")).s3 },
  { field: "gcs_bucket", load: async () => (await import("./gcs.ts")).gcs },
  { field: "vault_path", load: async () => (await import("./vault.ts")).vault },
];
