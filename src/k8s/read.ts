import { readManifests, type Manifest } from "./manifest.ts";
import type { Value } from "./value.ts";
import {
  GROUP,
  isObject,
  KIND,
  parseSopsSecret,
  record,
  type Json,
  type SopsSecret,
} from "./sops-secret.ts";

export type { Manifest } from "./manifest.ts";

/** A manifest's value as the JSON that the API server is sent. */
export function jsonOf(value: Value): Json {
  switch (value.kind) {
    case "null":
      return null;
    case "bool":
    case "text":
    case "float":
      return value.value;
    case "int":
      return Number(value.value);
    case "list":
      return value.items.map(jsonOf);
    case "map":
      return record([...value.entries].map(([key, item]) => [key, jsonOf(item)] as const));
    default:
      return value satisfies never;
  }
}

export const isSopsSecret = ({ kind, apiVersion }: Manifest): boolean =>
  kind === KIND && apiVersion.startsWith(`${GROUP}/`);

/**
 * The manifests of a file or of `kubectl get -o json`, lists expanded.
 *
 * @throws {ConversionError} naming file and line
 */
export function readResources(
  source: Uint8Array,
  file: string,
  warn: (message: string) => void,
): Manifest[] {
  return readManifests(source, file, warn);
}

/** An object as the API server would hand it to the operator. */
export function sopsSecretOf(manifest: Manifest): SopsSecret {
  const json = jsonOf(manifest.value);
  return parseSopsSecret(isObject(json) ? json : {});
}
