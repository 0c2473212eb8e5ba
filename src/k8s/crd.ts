import {
  GROUP,
  KIND,
  PLURAL,
  SERVED_VERSIONS,
  VERSION,
  type Json,
  type JsonObject,
} from "./sops-secret.ts";

const text = (description: string): JsonObject => ({ type: "string", description });
const list = (properties: JsonObject): JsonObject => ({
  type: "array",
  items: { type: "object", properties, "x-kubernetes-preserve-unknown-fields": true },
});
const textMap = (description: string): JsonObject => ({
  type: "object",
  description,
  additionalProperties: { type: "string" },
});

const enc = text("The data key, encrypted with this key.");
const createdAt = text("When the data key was encrypted.");

/** Every list of keys, inside a key group as outside. */
const keyLists: JsonObject = {
  age: list({ recipient: text("Public key."), enc }),
  azure_kv: list({
    vault_url: text("Address of the vault."),
    name: text("Name of the key."),
    version: text("Version of the key."),
    created_at: createdAt,
    enc,
  }),
  gcp_kms: list({ resource_id: text("Name of the key."), created_at: createdAt, enc }),
  hc_vault: list({
    vault_address: text("Address of Vault."),
    engine_path: text("Path of the transit engine."),
    key_name: text("Name of the key."),
    created_at: createdAt,
    enc,
  }),
  hckms: list({ key_id: text("Region and id of the key."), created_at: createdAt, enc }),
  kms: list({
    arn: text("Name of the key."),
    role: text("Role to assume."),
    context: textMap("Encryption context."),
    aws_profile: text("Profile of the AWS configuration."),
    created_at: createdAt,
    enc,
  }),
  pgp: list({ fp: text("Fingerprint."), created_at: createdAt, enc }),
};

const sops: JsonObject = {
  type: "object",
  description:
    "The data that sops needs to decrypt the object. Written by sops and sopsmith, never by hand.",
  "x-kubernetes-preserve-unknown-fields": true,
  properties: {
    ...keyLists,
    key_groups: {
      type: "array",
      description: "Groups of keys that share the data key.",
      items: { type: "object", properties: keyLists, "x-kubernetes-preserve-unknown-fields": true },
    },
    shamir_threshold: { type: "integer", description: "How many groups are needed." },
    lastmodified: text("When the file was encrypted."),
    mac: text("Message authentication code over the values."),
    version: text("Version of the program that encrypted the file."),
    encrypted_suffix: text("Values below keys with this ending are encrypted."),
    encrypted_regex: text("Values below keys that match are encrypted."),
    encrypted_comment_regex: text("Not usable in a cluster, where comments are lost."),
    unencrypted_suffix: text("Values below keys with this ending are not encrypted."),
    unencrypted_regex: text("Values below keys that match are not encrypted."),
    unencrypted_comment_regex: text("Not usable in a cluster, where comments are lost."),
    mac_only_encrypted: {
      type: "boolean",
      description: "The MAC covers the encrypted values only.",
    },
  },
};

/** For `configMapTemplates`, which the reference does not have. */
const configMapTemplate: JsonObject = {
  type: "object",
  required: ["name"],
  properties: {
    name: text("Name of the ConfigMap."),
    labels: textMap("Labels of the ConfigMap."),
    annotations: textMap(
      "Annotations of the ConfigMap; those that begin with sopsmith.dev/ are for the operator only.",
    ),
    data: textMap("Values as text."),
    binaryData: textMap("Values in base64."),
  },
};

/** Of v1alpha3; the old versions drop the rest of their own spec silently, as they always did. */
const template: JsonObject = {
  type: "object",
  required: ["name"],
  properties: {
    name: text("Name of the Secret."),
    labels: textMap("Labels of the Secret."),
    annotations: textMap(
      "Annotations of the Secret; those that begin with sopsmith.dev/ are for the operator only.",
    ),
    type: text("Type of the Secret; Opaque if empty."),
    stringData: textMap("Values as text."),
    data: textMap("Values in base64; they take precedence over stringData."),
  },
};

/** At least one list of templates is needed, which the operator checks: the reference's schema asks for the first. */
const spec: JsonObject = {
  type: "object",
  properties: {
    configMapTemplates: {
      type: "array",
      minItems: 1,
      description: "One ConfigMap is made from each, in the object's namespace.",
      items: configMapTemplate,
    },
    secretTemplates: {
      type: "array",
      minItems: 1,
      description: "One Secret is made from each, in the object's namespace.",
      items: template,
    },
    suspend: {
      type: "boolean",
      description: "If true, the operator neither reads nor writes anything for this object.",
    },
    enforceOwnership: {
      type: "boolean",
      description:
        "Take over existing Secrets with the same names; if absent, the operator's flag decides.",
    },
  },
};

const status: JsonObject = {
  type: "object",
  properties: {
    message: text("State in a few words."),
    observedGeneration: { type: "integer", format: "int64" },
    lastAppliedTime: { type: "string", format: "date-time" },
    conditions: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
      items: {
        type: "object",
        required: ["type", "status"],
        properties: {
          type: { type: "string" },
          status: { type: "string", enum: ["True", "False", "Unknown"] },
          reason: { type: "string" },
          message: { type: "string" },
          observedGeneration: { type: "integer", format: "int64" },
          lastTransitionTime: { type: "string", format: "date-time" },
        },
      },
    },
    children: {
      type: "array",
      items: {
        type: "object",
        properties: {
          name: { type: "string" },
          type: { type: "string" },
          result: { type: "string" },
        },
      },
    },
  },
};

/** Old objects: `secret_templates` in v1alpha1; in both the templates are not looked into. */
const oldSpec = (name: string): JsonObject => ({
  type: "object",
  required: [name],
  properties: { [name]: { type: "array", minItems: 1, items: template } },
});

function version(name: string): JsonObject {
  const isStorage = name === VERSION;
  return {
    name,
    served: true,
    storage: isStorage,
    ...(isStorage
      ? {}
      : {
          deprecated: true,
          deprecationWarning: `${GROUP}/${name} is deprecated: use ${VERSION} (sopsmith k8s migrate)`,
        }),
    subresources: { status: {} },
    additionalPrinterColumns: [
      { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      { name: "Status", type: "string", jsonPath: ".status.message" },
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
    ],
    schema: {
      openAPIV3Schema: {
        type: "object",
        description: "Secrets encrypted with sops, which the operator turns into ordinary Secrets.",
        properties: {
          apiVersion: { type: "string" },
          kind: { type: "string" },
          metadata: { type: "object" },
          spec: name === "v1alpha1" ? oldSpec("secret_templates") : spec,
          sops,
          status,
        },
      },
    },
  };
}

/** The CustomResourceDefinition: a superset of that of sops-secrets-operator (spec kubernetes 1.2). */
export function customResourceDefinition(): Json {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: "sopssecret",
        shortNames: ["sops"],
      },
      scope: "Namespaced",
      versions: SERVED_VERSIONS.map(version),
    },
  };
}
