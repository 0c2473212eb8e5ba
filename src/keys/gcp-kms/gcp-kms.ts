import { entry, map } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import { textLeaf } from "../../tree/text.ts";
import { isBase64, keyCodec, loadedLater, oneField, text } from "../key-codec.ts";
import type { KeyProvider } from "../provider.ts";

/**
 * Google Cloud KMS over its REST API, with tokens from Google's library (spec keys section 6). sops's default transport
 * is gRPC; both give the same `enc`.
 */
export const gcpKms: KeyProvider = {
  ...keyCodec({
    type: "gcp_kms",
    label: "GCP KMS",
    flag: "gcp-kms",
    env: "SOPS_GCP_KMS_IDS",
    configField: "gcp_kms",
    groupField: "gcp_kms",
    fields: [text("resource_id")],
    identify: (fields) => readText(fields, "resource_id"),
    fromText: (part) => ({ resource_id: part.replaceAll(" ", "") }),
    fromMapping: (item) =>
      map([entry("resource_id", textLeaf(readText(item, "resource_id").replaceAll(" ", "")))]),
  }),
  configFieldName: "gcpkms",
  ruleItem: oneField("resource_id"),
  order: { rule: 3, flags: 1 },
  ids: {
    form: /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+/,
    inMessage: /\bprojects\/[^\s,;"'()]+\/cryptoKeys\/[^\s,;"'():/]+/,
    short: (id) => id.replace(/^projects\/([^/]+)\/.*\/cryptoKeys\//, "$1 "),
    name: { pattern: /\/cryptoKeys\/([^/]+)/, source: "cloud name" },
  },
  isWrapped: isBase64,
  isRemote: true,
  logged: { topic: "GCPKMS", field: "resourceID" },
  ...loadedLater(() => import("./wrap.ts")),
};
