import {
  API_VERSION,
  compareBytes,
  DIRECTIVE_PREFIX,
  IMMUTABLE_DIRECTIVE,
  KIND,
  OWNER_LABEL,
  record,
  type OwnerReference,
  type Secret,
} from "../k8s/sops-secret.ts";
import { find, type Mapping, type Node } from "../tree/node.ts";
import { encodeText, isBase64 } from "../tree/text.ts";
import { statusTexts, type Problem, type StatusText } from "./texts.ts";

/** One template that can be written, or why it cannot. */
export type Template =
  | { readonly name: string; readonly child: Child; readonly problem?: undefined }
  | { readonly name: string; readonly problem: Problem; readonly child?: undefined };

/** What a template asks for. */
export interface Child {
  readonly name: string;
  readonly type: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Without directives. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Keys in byte order; values in base64. */
  readonly data: ReadonlyMap<string, string>;
  readonly isImmutable: boolean;
}

export interface Owner {
  readonly name: string;
  readonly uid: string;
}

/** The API server's limit for the data of one Secret, in bytes. */
const MAX_DATA = 1024 * 1024;

/** Builds the child of every template, independently of each other. `at` in messages counts from 0. */
export function buildTemplates(templates: readonly Mapping[]): Template[] {
  return templates.map((template, index) => {
    const name = textOf(find(template, "name")?.value) ?? "";
    try {
      return { name, child: buildChild(template, `spec.secretTemplates[${index}]`) };
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      const { message, text } = error;
      return { name, problem: { reason: "TemplateInvalid", message, text, isStalled: true } };
    }
  });
}

/** Two templates for one Secret would overwrite each other for ever. */
export function duplicateNames(templates: readonly Template[]): Problem | undefined {
  const seen = new Set<string>();
  for (const { name } of templates) {
    if (name !== "" && seen.has(name))
      return {
        reason: "TemplateInvalid",
        message: `two templates have the name ${JSON.stringify(name)}: rename one, or put their values into one template`,
        text: statusTexts.creation,
        isStalled: true,
      };
    seen.add(name);
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

function buildChild(template: Mapping, at: string): Child {
  const name = wantText(find(template, "name")?.value, `${at}.name`);
  if (name === "") throw new TemplateError(`${at}.name is empty: give the Secret a name`);
  if (!isSubdomain(name))
    throw new TemplateError(
      `${at}.name is not a name for a Secret: use lower case letters, digits, "-" and ".", at most 253`,
    );
  const annotations = textMap(template, "annotations", at);
  const data = new Map<string, string>();
  for (const [key, value] of bytesMap(template, "stringData", at))
    data.set(key, Buffer.from(value).toString("base64"));
  for (const [key, value] of textMap(template, "data", at)) {
    const compact = value.replaceAll(/[\r\n]/g, "");
    if (!isBase64(compact))
      throw new TemplateError(
        `${at}.data[${JSON.stringify(key)}] is not valid base64 after decryption: put plain text into stringData`,
      );
    data.set(key, Buffer.from(compact, "base64").toString("base64"));
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
    throw new TemplateError(`${at} holds ${size} bytes: a Secret can hold ${MAX_DATA}`);
  const type = find(template, "type")?.value;
  const directives = [...annotations].filter(([key]) => key.startsWith(DIRECTIVE_PREFIX));
  return {
    name,
    type: (type === undefined ? "" : wantText(type, `${at}.type`)) || "Opaque",
    labels: textMap(template, "labels", at),
    annotations: new Map([...annotations].filter(([key]) => !key.startsWith(DIRECTIVE_PREFIX))),
    data: new Map([...data].toSorted(([a], [b]) => compareBytes(a, b))),
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
      `${at} is still encrypted: the sops block's selector does not cover it; it was changed, or lost on the way`,
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

/** The Secret that is applied for a child; keys of every map in byte order. */
export function secretOf(child: Child, namespace: string, owner: Owner | undefined): Secret {
  const sorted = (texts: Iterable<readonly [string, string]>): Record<string, string> =>
    record([...texts].toSorted(([a], [b]) => compareBytes(a, b)));
  const labels =
    owner === undefined ? child.labels : new Map([...child.labels, [OWNER_LABEL, owner.uid]]);
  return {
    apiVersion: "v1",
    data: sorted(child.data),
    ...(child.isImmutable ? { immutable: true } : {}),
    kind: "Secret",
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
