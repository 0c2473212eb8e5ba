import {
  API_VERSION,
  compareBytes,
  DIRECTIVE_PREFIX,
  IMMUTABLE_DIRECTIVE,
  KIND,
  OWNER_LABEL,
  record,
  type ChildKind,
  type OwnerReference,
  type Secret,
} from "../k8s/sops-secret.ts";
import { isUtf8 } from "node:buffer";
import { find, str, type Mapping, type Node } from "../tree/node.ts";
import { encodeText, isBase64 } from "../tree/text.ts";
import { CONFIG_MAP_TYPE } from "./config-map.ts";
import { statusTexts, type Problem, type StatusText } from "./texts.ts";

/** One template that can be written, or why it cannot. */
export type Template = { readonly kind: ChildKind; readonly name: string } & (
  | { readonly child: Child; readonly problem?: undefined }
  | { readonly problem: Problem; readonly child?: undefined }
);

/** The templates of an object, by what is made of them. */
export type TemplateLists = Readonly<Record<ChildKind, readonly Mapping[]>>;

/** Where the templates of a kind are in `spec`. */
export const templateFields: Readonly<Record<ChildKind, string>> = {
  Secret: "secretTemplates",
  ConfigMap: "configMapTemplates",
};

/** What a template asks for. */
export interface Child {
  readonly kind: ChildKind;
  readonly name: string;
  readonly type: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Without directives. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Keys in byte order; values in base64. */
  readonly data: ReadonlyMap<string, string>;
  /** Of a ConfigMap: keys of `data` whose values are no text. */
  readonly binaryKeys: readonly string[];
  readonly isImmutable: boolean;
}

export interface Owner {
  readonly name: string;
  readonly uid: string;
}

/** The API server's limit for the data of one child, in bytes. */
const MAX_DATA = 1024 * 1024;

/** Builds the child of every template, independently of each other. `at` in messages counts from 0. */
export function buildTemplates(lists: TemplateLists): Template[] {
  return (["Secret", "ConfigMap"] as const).flatMap((kind) =>
    lists[kind].map((template, index): Template => {
      const name = textOf(find(template, "name")?.value) ?? "";
      try {
        return {
          kind,
          name,
          child: buildChild(kind, template, `spec.${templateFields[kind]}[${index}]`),
        };
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        const { message, text } = error;
        const problem: Problem = { reason: "TemplateInvalid", message, text, isStalled: true };
        return { kind, name, problem };
      }
    }),
  );
}

/** Two templates for one Secret would overwrite each other for ever. */
export function duplicateNames(templates: readonly Template[]): Problem | undefined {
  const seen = new Set<string>();
  for (const { kind, name } of templates) {
    if (name !== "" && seen.has(`${kind}/${name}`))
      return {
        reason: "TemplateInvalid",
        message: `two templates have the name ${JSON.stringify(name)}: rename one, or put their values into one template`,
        text: statusTexts.creation,
        isStalled: true,
      };
    seen.add(`${kind}/${name}`);
  }
  return undefined;
}

class TemplateError extends Error {
  readonly text: StatusText;

  constructor(message: string, text: StatusText = statusTexts.creation) {
    super(message);
    this.text = text;
  }
}

/** The fields with the values of a child: as text, and in base64, which wins. */
const valueFields: Readonly<Record<ChildKind, { text: string; encoded: string }>> = {
  Secret: { text: "stringData", encoded: "data" },
  ConfigMap: { text: "data", encoded: "binaryData" },
};

function buildChild(kind: ChildKind, template: Mapping, at: string): Child {
  const name = wantText(find(template, "name")?.value, `${at}.name`);
  if (name === "") throw new TemplateError(`${at}.name is empty: give the ${kind} a name`);
  if (!isSubdomain(name))
    throw new TemplateError(
      `${at}.name is not a valid name for a ${kind}: use lowercase letters, digits, "-" and ".", at most 253 characters`,
    );
  const annotations = textMap(template, "annotations", at);
  const fields = valueFields[kind];
  const data = new Map<string, string>();
  const binaryKeys = new Set<string>();
  for (const [key, value] of bytesMap(template, fields.text, at)) {
    data.set(key, Buffer.from(value).toString("base64"));
    if (kind === "ConfigMap" && !isUtf8(value)) binaryKeys.add(key);
  }
  for (const [key, value] of textMap(template, fields.encoded, at)) {
    const compact = value.replaceAll(/[\r\n]/g, "");
    if (!isBase64(compact))
      throw new TemplateError(
        `${at}.${fields.encoded}[${JSON.stringify(key)}] is not valid base64 after decryption: put plain text into ${fields.text}`,
      );
    if (kind === "ConfigMap" && data.has(key))
      throw new TemplateError(
        `${at} has the key ${JSON.stringify(key)} in data and in binaryData: remove one of them`,
      );
    data.set(key, Buffer.from(compact, "base64").toString("base64"));
    if (kind === "ConfigMap") binaryKeys.add(key);
  }
  let size = 0;
  for (const [key, value] of data) {
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key) || key === "." || key.startsWith(".."))
      throw new TemplateError(
        `${at} has the data key ${JSON.stringify(key)}: use letters, digits, "-", "_" and "." only`,
      );
    size += Buffer.byteLength(value, "base64");
  }
  if (size > MAX_DATA)
    throw new TemplateError(
      `${at} has ${size} bytes of data, but a ${kind} can hold only ${MAX_DATA}`,
    );
  const type = kind === "Secret" ? find(template, "type")?.value : str(CONFIG_MAP_TYPE);
  const directives = [...annotations].filter(([key]) => key.startsWith(DIRECTIVE_PREFIX));
  return {
    kind,
    name,
    type: (type === undefined ? "" : wantText(type, `${at}.type`)) || "Opaque",
    labels: textMap(template, "labels", at),
    annotations: new Map([...annotations].filter(([key]) => !key.startsWith(DIRECTIVE_PREFIX))),
    data: new Map([...data].toSorted(([a], [b]) => compareBytes(a, b))),
    binaryKeys: [...binaryKeys],
    isImmutable: directives.some(([key, value]) => key === IMMUTABLE_DIRECTIVE && value === "true"),
  };
}

const isSubdomain = (name: string): boolean =>
  name.length <= 253 &&
  /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(name);

const textOf = (node: Node | undefined): string | undefined =>
  node?.kind === "str" ? node.value : undefined;

function wantText(node: Node | undefined, at: string): string {
  if (node === undefined || node.kind === "null") return "";
  if (node.kind === "bytes") throw new TemplateError(`${at} is not UTF-8 text`);
  if (node.kind !== "str")
    throw new TemplateError(
      `${at} is ${kindName(node)}, not text: quote the value`,
      statusTexts.decryption,
    );
  refuseCiphertext(node.value, at);
  return node.value;
}

/** Text that looks encrypted after decryption was not selected for it. */
function refuseCiphertext(value: string, at: string): void {
  if (value.startsWith("ENC[AES256_GCM,"))
    throw new TemplateError(
      `${at} is still encrypted, because the sops block does not select it: the selection was changed, or lost on the way`,
      statusTexts.decryption,
    );
}

function kindName(node: Node): string {
  switch (node.kind) {
    case "int":
    case "float":
      return "a number";
    case "bool":
      return "a boolean";
    case "time":
      return "a time";
    case "map":
      return "a map";
    case "seq":
      return "a list";
    default:
      return "no text";
  }
}

function* entriesOf(
  template: Mapping,
  field: string,
  at: string,
): Generator<readonly [string, Node, string]> {
  const value = find(template, field)?.value;
  if (value === undefined || value.kind === "null") return;
  if (value.kind !== "map")
    throw new TemplateError(
      `${at}.${field} is ${kindName(value)}, not a map`,
      statusTexts.decryption,
    );
  for (const item of value.items)
    if (item.kind === "entry" && item.value.kind !== "null")
      yield [item.key, item.value, `${at}.${field}[${JSON.stringify(item.key)}]`];
}

function textMap(template: Mapping, field: string, at: string): Map<string, string> {
  const result = new Map<string, string>();
  for (const [key, value, path] of entriesOf(template, field, at))
    result.set(key, wantText(value, path));
  return result;
}

/** Text as its bytes: what is not UTF-8 stays as it is. */
function bytesMap(template: Mapping, field: string, at: string): Map<string, Uint8Array> {
  const result = new Map<string, Uint8Array>();
  for (const [key, value, path] of entriesOf(template, field, at))
    result.set(key, value.kind === "bytes" ? value.value : encodeText(wantText(value, path)));
  return result;
}

export const controllerReference = ({ name, uid }: Owner): OwnerReference => ({
  apiVersion: API_VERSION,
  kind: KIND,
  name,
  uid,
  controller: true,
  blockOwnerDeletion: true,
});

/** What is applied for a child, a ConfigMap in the form of a Secret; keys of every map in byte order. */
export function secretOf(child: Child, namespace: string, owner: Owner | undefined): Secret {
  const sorted = (texts: Iterable<readonly [string, string]>): Record<string, string> =>
    record([...texts].toSorted(([a], [b]) => compareBytes(a, b)));
  const labels =
    owner === undefined ? child.labels : new Map([...child.labels, [OWNER_LABEL, owner.uid]]);
  return {
    apiVersion: "v1",
    data: sorted(child.data),
    ...(child.isImmutable ? { immutable: true } : {}),
    kind: child.kind,
    ...(child.kind === "Secret" ? {} : { binaryKeys: [...child.binaryKeys] }),
    metadata: {
      ...(child.annotations.size === 0 ? {} : { annotations: sorted(child.annotations) }),
      ...(labels.size === 0 ? {} : { labels: sorted(labels) }),
      name: child.name,
      ...(namespace === "" ? {} : { namespace }),
      ...(owner === undefined ? {} : { ownerReferences: [controllerReference(owner)] }),
    },
    type: child.type,
  };
}
