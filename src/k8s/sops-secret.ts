import type { Plain, PlainObject } from "../tree/plain.ts";

/** Names of the custom resource (spec kubernetes section 1). */
export const GROUP = "isindir.github.com";
export const VERSION = "v1alpha3";
export const API_VERSION: string = `${GROUP}/${VERSION}`;
export const KIND = "SopsSecret";
export const PLURAL = "sopssecrets";

/** All versions that the CRD serves; they share one storage. */
export const SERVED_VERSIONS = ["v1alpha1", "v1alpha2", "v1alpha3"] as const;

/** Template annotations that begin so tell the operator something and are not copied to the child. */
export const DIRECTIVE_PREFIX = "sopsmith.dev/";
export const SCOPE_DIRECTIVE: string = `${DIRECTIVE_PREFIX}scope`;
export const IMMUTABLE_DIRECTIVE: string = `${DIRECTIVE_PREFIX}immutable`;

/** Label of every child: finds it, never proves that it is owned. */
export const OWNER_LABEL = "sopsmith.dev/owner-uid";

/** Annotation in which kubectl keeps what was applied. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

export type Json = null | boolean | number | string | Json[] | JsonObject;

export interface JsonObject {
  [key: string]: Json | undefined;
}

// Types, not interfaces: only these are also a JsonObject to the compiler.

export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

export type ManagedFields = {
  manager?: string;
  operation?: string;
  subresource?: string;
  time?: string;
  fieldsV1?: JsonObject;
};

export type ObjectMeta = {
  name?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
};

/** One object as the API server gives it; nothing below `spec` and `sops` is checked yet. */
export type SopsSecret = {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  spec?: JsonObject;
  sops?: Json;
  status?: SopsSecretStatus;
};

export type Condition = {
  type: string;
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
};

export type SopsSecretStatus = {
  message?: string;
  observedGeneration?: number;
  lastAppliedTime?: string;
  conditions?: Condition[];
  children?: { name: string; type: string; result: string }[];
};

/** What is made of templates. */
export type ChildKind = "Secret" | "ConfigMap";

/** A Secret as the API server gives it, or a ConfigMap in the same form: all of its values in base64. */
export type Secret = {
  apiVersion: "v1";
  kind: ChildKind;
  metadata: ObjectMeta;
  type?: string;
  data?: Record<string, string>;
  /** Of a ConfigMap: keys of `data` that are in its `binaryData`. */
  binaryKeys?: string[];
  immutable?: boolean;
};

/** Strings in the order of their UTF-8 bytes, which is the order of the API server. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the API server gave as a SopsSecret. Only that there is metadata is made sure of: it checked the rest by the CRD. */
export function parseSopsSecret(json: JsonObject): SopsSecret {
  return withMetadata(json) as SopsSecret;
}

/** The same for a Secret. */
export function parseSecret(json: JsonObject): Secret {
  return withMetadata(json) as Secret;
}

function withMetadata(json: JsonObject): JsonObject {
  return isObject(json["metadata"]) ? json : { ...json, metadata: {} };
}

/** An object in which no key is special, `__proto__` neither. */
export function record<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const result = Object.create(null) as Record<string, T>;
  for (const [key, value] of entries) result[key] = value;
  return result;
}

/** The same data as the library takes it, which has no undefined values. */
export function plainObject(object: JsonObject): PlainObject {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, plain(value)] as const],
    ),
  );
}

function plain(value: Json): Plain {
  if (Array.isArray(value)) return value.map(plain);
  return isObject(value) ? plainObject(value) : value;
}

/** JSON with the keys of every map in byte order: what the API server makes of an object. */
export function canonicalJson(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const parts = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted(compareBytes)
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${parts.join(",")}}`;
}
