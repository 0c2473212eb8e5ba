import { yaml } from "../../formats/yaml.ts";
import { joinChunks } from "../tree/long-text.ts";
import { ConversionError } from "../k8s/conversion-error.ts";
import { readHcl, type HclBody } from "./hcl-reader.ts";
import { readKubeYaml } from "../k8s/kube-yaml.ts";
import { treeOf } from "./resource.ts";
import { secretMetadata } from "./secret.ts";
import { mapOf, text, type MapValue, type Value } from "../k8s/value.ts";

/**
 * Terraform → Kubernetes YAML, for what `convert` writes: `kubernetes_manifest`, `kubectl_manifest` and plain
 * `kubernetes_secret_v1` resources, and bare maps. `import` blocks are passed over (spec terraform 5.8).
 *
 * @returns YAML, one document a resource
 * @throws {ConversionError} `FILE:LINE: …`
 */
export function reverse(source: string, file: string): string {
  const documents = readHcl(source, file).flatMap((item): MapValue[] => {
    if (item.kind === "map") return [item.value];
    const { type, labels, body, line } = item;
    if (type === "import") return [];
    switch (type === "resource" ? labels[0] : undefined) {
      case "kubernetes_manifest":
        return [manifestOf(body, file, line)];
      case "kubectl_manifest":
        return yamlBodyOf(body, file, line);
      case "kubernetes_secret_v1":
        return [secretOf(body, file, line)];
      default:
        throw new ConversionError(
          `${[type, ...labels.slice(0, 1)].join(" ")} contains no Kubernetes manifest: remove the block, or convert only the others`,
          { file, line },
        );
    }
  });
  const chunks = yaml.emit(
    documents.map((value) => treeOf(value, { file, line: value.line })),
    { sealed: false, indent: 2, quoteMergeKeys: true },
  );
  return joinChunks(chunks).toString();
}

function attribute(body: HclBody, name: string, file: string, line: number): Value {
  const read = body.attributes.get(name);
  if (read === undefined) throw new ConversionError(`${name} is missing`, { file, line });
  return read();
}

function manifestOf(body: HclBody, file: string, line: number): MapValue {
  const value = attribute(body, "manifest", file, line);
  if (value.kind !== "map")
    throw new ConversionError("manifest must be a map", { file, line: value.line });
  return value;
}

function yamlBodyOf(body: HclBody, file: string, line: number): MapValue[] {
  const value = attribute(body, "yaml_body", file, line);
  if (value.kind !== "text")
    throw new ConversionError("yaml_body must be text", { file, line: value.line });
  const found = readKubeYaml(
    Buffer.from(value.value),
    `${file}:${value.line}: yaml_body`,
    () => {},
  );
  return found.map((document) => {
    if (document.value.kind !== "map")
      throw new ConversionError("yaml_body must contain a map", { file, line: value.line });
    return document.value;
  });
}

function secretOf(body: HclBody, file: string, line: number): MapValue {
  if (body.attributes.has("data_wo"))
    throw new ConversionError("data_wo contains no values that could become YAML", { file, line });
  const metadata = body.blocks.find(({ type }) => type === "metadata")?.body.attributes;
  const data = new Map<string, Value>();
  for (const [key, value] of textsOf(body, "data", file))
    data.set(key, text(Buffer.from(value).toString("base64")));
  for (const [key, value] of textsOf(body, "binary_data", file)) data.set(key, text(value));
  const out = new Map<string, Value>([
    ["apiVersion", text("v1")],
    ["kind", text("Secret")],
    [
      "metadata",
      mapOf(
        secretMetadata.flatMap(([to, from]) => {
          const read = metadata?.get(from);
          return read === undefined ? [] : [[to, read()] as const];
        }),
      ),
    ],
  ]);
  for (const name of ["immutable", "type"]) {
    const read = body.attributes.get(name);
    if (read !== undefined) out.set(name, read());
  }
  if (data.size > 0) out.set("data", mapOf(data));
  return mapOf(out, line);
}

function textsOf(body: HclBody, name: string, file: string): [string, string][] {
  const value = body.attributes.get(name)?.();
  if (value === undefined) return [];
  if (value.kind !== "map")
    throw new ConversionError(`${name} must be a map`, { file, line: value.line });
  return [...value.entries].map(([key, item]) => {
    if (item.kind !== "text")
      throw new ConversionError(`${name} must contain text`, { file, line: item.line });
    return [key, item.value];
  });
}
