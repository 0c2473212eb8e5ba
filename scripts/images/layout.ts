import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A blob as others refer to it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const type = (name: string): string => `application/vnd.oci.${name}`;

/** Kinds of blobs, by the OCI image specification. */
export const mediaTypes = {
  index: type("image.index.v1+json"),
  manifest: type("image.manifest.v1+json"),
  config: type("image.config.v1+json"),
  layer: type("image.layer.v1.tar+gzip"),
  empty: type("empty.v1+json"),
} as const;

export const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A folder with images as registries hold them: an OCI image layout. */
export class Layout {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
    writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  }

  put(mediaType: string, bytes: Uint8Array): Descriptor {
    const digest = sha256(bytes);
    writeFileSync(join(this.folder, "blobs", digest.replace(":", "/")), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  putJson(mediaType: string, value: object): Descriptor {
    return this.put(mediaType, Buffer.from(JSON.stringify(value)));
  }

  /** What the folder offers, each under a name. */
  finish(images: readonly { readonly name: string; readonly index: Descriptor }[]): void {
    const manifests = images.map(({ name, index }) => ({
      ...index,
      annotations: { "org.opencontainers.image.ref.name": name },
    }));
    writeFileSync(
      join(this.folder, "index.json"),
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }),
    );
  }
}
