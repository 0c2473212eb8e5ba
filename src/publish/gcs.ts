import { absent } from "../io/optional-package.ts";
import { onWire, RemoteFailure } from "../keys/remote.ts";
import { checkObject } from "./object.ts";
import type { FileDestination, Outcome } from "./destination.ts";

/** Google Cloud Storage through Google's client and its application default credentials; `STORAGE_EMULATOR_HOST` as in sops. */
export const gcs: FileDestination = {
  field: "gcs_bucket",
  takes: "file",
  locate: ({ gcs_bucket, gcs_prefix }, name) => `gcs://${gcs_bucket}/${gcs_prefix}${name}`,
  upload: (bytes, rule, name, host) =>
    onWire<Outcome>(host, `Failed to upload to ${gcs.locate(rule, name, host)}: `, async () => {
      checkObject(rule.gcs_bucket, `${rule.gcs_prefix}${name}`);
      const { Storage } = await import("@google-cloud/storage").catch(
        absent("@google-cloud/storage"),
      );
      // sops takes the variable with and without a scheme; Google's client for Node needs one.
      const emulator = host.env["STORAGE_EMULATOR_HOST"];
      const apiEndpoint = !emulator
        ? {}
        : { apiEndpoint: emulator.includes("://") ? emulator : `http://${emulator}` };
      try {
        await new Storage(apiEndpoint)
          .bucket(rule.gcs_bucket)
          .file(`${rule.gcs_prefix}${name}`)
          .save(Buffer.from(bytes), { resumable: false, validation: "md5" });
        return "uploaded";
      } catch (error) {
        throw new RemoteFailure(
          error instanceof Error ? error.message : "unknown error",
          "check the bucket's name, the Google credentials and their permission storage.objects.create",
        );
      }
    }),
};
