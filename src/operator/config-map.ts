import {
  isObject,
  parseSecret,
  record,
  type ChildKind,
  type Json,
  type JsonObject,
  type Secret,
} from "../k8s/sops-secret.ts";

/** In the place of a type, which ConfigMaps do not have. */
export const CONFIG_MAP_TYPE = "ConfigMap";

/** A child as the API server gives it; a ConfigMap in the form of a Secret. */
export function parseChild(kind: ChildKind, json: JsonObject): Secret {
  if (kind === "Secret") return parseSecret(json);
  const { data, binaryData, ...rest } = json;
  const texts = strings(data).map(([key, value]) => [key, base64(value)] as const);
  const bytes = strings(binaryData);
  return {
    ...parseSecret({ ...rest, data: record([...texts, ...bytes]) }),
    kind,
    type: CONFIG_MAP_TYPE,
    binaryKeys: bytes.map(([key]) => key),
  };
}

/** The manifest that is applied for a child; its fields in the order of their names. */
export function childManifest(child: Secret): JsonObject {
  const { binaryKeys = [], ...secret } = child;
  if (child.kind === "Secret") return secret;
  const { type: _, data = {}, ...rest } = secret;
  const [texts, bytes] = [false, true].map((isBinary) =>
    Object.entries(data).filter(([key]) => binaryKeys.includes(key) === isBinary),
  );
  const plain = (texts ?? []).map(
    ([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")] as const,
  );
  const manifest = {
    ...rest,
    ...(bytes === undefined || bytes.length === 0 ? {} : { binaryData: record(bytes) }),
    ...(plain.length === 0 ? {} : { data: record(plain) }),
  };
  return Object.fromEntries(Object.entries(manifest).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function strings(map: Json | undefined): (readonly [string, string])[] {
  return Object.entries(isObject(map) ? map : {}).flatMap(([key, value]) =>
    typeof value === "string" ? [[key, value] as const] : [],
  );
}
