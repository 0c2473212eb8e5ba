import { isCiphertext } from "./manifest.ts";
import { describe, pathText, type MapValue, type Value } from "./value.ts";
import { compareBytes, GROUP, SERVED_VERSIONS, VERSION } from "./sops-secret.ts";
import type { Manifest } from "./read.ts";
import { isBase64 } from "../tree/text.ts";

export interface CheckFinding {
  /** An `error` is refused by the API server or the operator; a `warning` is accepted but not as safe as it could be. */
  readonly level: "error" | "warning";
  readonly message: string;
  readonly line: number;
}

const topFields = ["apiVersion", "kind", "metadata", "spec", "sops", "status"];
const specFields = ["secretTemplates", "configMapTemplates", "suspend", "enforceOwnership"];

/** What is in the items of a list of templates. */
interface TemplateKind {
  readonly list: string;
  readonly kind: string;
  readonly fields: readonly string[];
  /** The map whose values are base64, and the one for plain text. */
  readonly encoded: string;
  readonly plain: string;
}

const secretTemplates: TemplateKind = {
  list: "secretTemplates",
  kind: "Secret",
  fields: ["name", "labels", "annotations", "type", "stringData", "data"],
  encoded: "data",
  plain: "stringData",
};
const configMapTemplates: TemplateKind = {
  list: "configMapTemplates",
  kind: "ConfigMap",
  fields: ["name", "labels", "annotations", "data", "binaryData"],
  encoded: "binaryData",
  plain: "data",
};
/** Fields of `sops` that the reference's CRD does not have: its API server drops them. */
const prunedFields = [
  "key_groups",
  "shamir_threshold",
  "unencrypted_suffix",
  "unencrypted_regex",
  "unencrypted_comment_regex",
  "encrypted_comment_regex",
  "hckms",
];

/**
 * What the API server or the operator would refuse in a SopsSecret, found without a key (spec kubernetes 4.11).
 *
 * @param documents how many documents the file has: they share one MAC
 */
export function checkSopsSecret(manifest: Manifest, documents: number): CheckFinding[] {
  const check = new Check();
  check.run(manifest, documents);
  return check.findings.toSorted((a, b) => a.line - b.line);
}

type PathStep = string | number;

class Check {
  readonly findings: CheckFinding[] = [];

  private error(message: string, value: Value): void {
    this.findings.push({ level: "error", message, line: value.line });
  }

  private warning(message: string, value: Value): void {
    this.findings.push({ level: "warning", message, line: value.line });
  }

  run({ value, apiVersion, name }: Manifest, documents: number): void {
    const version = apiVersion.slice(GROUP.length + 1);
    if (!(SERVED_VERSIONS as readonly string[]).includes(version))
      this.error(`apiVersion ${apiVersion} does not exist: use ${GROUP}/${VERSION}`, value);
    else if (version !== VERSION)
      this.warning(`apiVersion ${apiVersion} is deprecated: run "sopsmith k8s migrate"`, value);
    if (name === "") this.error("metadata.name is missing", value);
    this.unknown(value, topFields, []);
    const spec = value.entries.get("spec");
    if (spec?.kind !== "map") {
      this.error("spec is missing; it should contain secretTemplates", spec ?? value);
      return;
    }
    this.unknown(spec, specFields.concat("secret_templates"), ["spec"]);
    for (const field of ["suspend", "enforceOwnership"]) {
      const flag = spec.entries.get(field);
      if (flag !== undefined && flag.kind !== "bool" && flag.kind !== "null")
        this.error(`spec.${field} must be true or false, but is ${shown(flag)}`, flag);
    }
    const old = spec.entries.get("secret_templates");
    if (old !== undefined)
      this.error(
        'spec.secret_templates belongs to v1alpha1, and the API server drops it: run "sopsmith k8s migrate"',
        old,
      );
    const present = [secretTemplates, configMapTemplates].flatMap((kind) => {
      const templates = spec.entries.get(kind.list);
      return templates === undefined || templates.kind === "null" ? [] : [{ kind, templates }];
    });
    if (present.length === 0 && old === undefined)
      this.error("spec.secretTemplates is missing", spec);
    for (const { kind, templates } of present) this.templates(templates, kind);
    this.order(spec, ["spec"]);
    this.sops(value, present, documents);
  }

  private templates(templates: Value, kind: TemplateKind): void {
    if (templates.kind !== "list") {
      this.error(`spec.${kind.list} must be a list, but is ${shown(templates)}`, templates);
      return;
    }
    if (templates.items.length === 0)
      this.error(`spec.${kind.list} needs at least one template`, templates);
    const names = new Set<string>();
    templates.items.forEach((item, index) => this.template(item, index, names, kind));
    if (kind === configMapTemplates)
      this.warning(
        `spec.${kind.list} is refused or dropped where the CRD of sops-secrets-operator is installed: install the one from "sopsmith k8s crd"`,
        templates,
      );
  }

  private unknown(value: MapValue, known: readonly string[], path: PathStep[]): void {
    for (const [key, item] of value.entries)
      if (!known.includes(key))
        this.error(
          `${pathText([...path, key])} is not a field of a SopsSecret: kubectl refuses it, and the API server drops it`,
          item,
        );
  }

  private template(item: Value, index: number, names: Set<string>, kind: TemplateKind): void {
    const path = ["spec", kind.list, index];
    const at = pathText(path);
    if (item.kind === "text" && isCiphertext(item.value)) {
      this.error(
        `${at} is text: a comment between templates became a list item when it was encrypted; run "sopsmith k8s fix", which removes it`,
        item,
      );
      return;
    }
    if (item.kind !== "map") {
      this.error(`${at} must be a map, but is ${shown(item)}`, item);
      return;
    }
    this.unknown(item, kind.fields, path);
    const name = item.entries.get("name");
    if (name === undefined || name.kind === "null" || (name.kind === "text" && name.value === ""))
      this.error(`${at}.name is missing or empty`, name ?? item);
    else if (name.kind === "text" && !isCiphertext(name.value)) {
      if (!/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(name.value) || name.value.length > 253)
        this.error(
          `${at}.name is not a valid name for a ${kind.kind}: use lowercase letters, digits, "-" and "." only`,
          name,
        );
      if (names.has(name.value)) this.error(`${at}.name: another template has the same name`, name);
      names.add(name.value);
    }
    for (const field of ["name", "type"]) this.text(item.entries.get(field), [...path, field]);
    for (const field of ["labels", "annotations", kind.plain, kind.encoded]) {
      const map = item.entries.get(field);
      if (map === undefined || map.kind === "null") continue;
      if (map.kind !== "map") {
        this.error(`${at}.${field} must be a map, but is ${shown(map)}`, map);
        continue;
      }
      for (const [key, value] of map.entries) {
        this.text(value, [...path, field, key]);
        if (
          field === kind.encoded &&
          value.kind === "text" &&
          !isCiphertext(value.value) &&
          !isBase64(value.value.replaceAll(/[\r\n]/g, ""))
        )
          this.error(
            `${pathText([...path, field, key])} is not base64: put plain text into ${kind.plain}`,
            value,
          );
        if (
          (field === kind.encoded || field === kind.plain) &&
          !/^[-._a-zA-Z0-9]{1,253}$/.test(key)
        )
          this.error(
            `${pathText([...path, field, key])}: a key of a ${kind.kind} can only have letters, digits, "-", "_" and "."`,
            value,
          );
      }
    }
  }

  private text(value: Value | undefined, path: PathStep[]): void {
    if (value === undefined || value.kind === "null") return;
    if (value.kind !== "text")
      this.error(`${pathText(path)} is ${shown(value)}, not text: quote it`, value);
    else if (isCiphertext(value.value) && !value.value.endsWith(",type:str]"))
      this.error(
        `${pathText(path)} was a number or a boolean when it was encrypted: quote it with "sopsmith edit"`,
        value,
      );
  }

  /** The first map below `spec` that is not in canonical order. */
  private order(spec: MapValue, path: PathStep[]): void {
    const open: [Value, PathStep[]][] = [[spec, path]];
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      const [value, at] = next;
      if (value.kind === "list")
        value.items.forEach((item, index) => open.push([item, [...at, index]]));
      if (value.kind !== "map") continue;
      const keys = [...value.entries.keys()];
      if (keys.some((key, index) => index > 0 && compareBytes(keys[index - 1] ?? "", key) > 0)) {
        this.warning(
          `the keys of ${pathText(at)} are not in canonical order: the operator may not be able to check the MAC; run "sopsmith k8s fix"`,
          value,
        );
        return;
      }
      for (const [key, item] of value.entries) open.push([item, [...at, key]]);
    }
  }

  private sops(
    value: MapValue,
    present: readonly { readonly kind: TemplateKind; readonly templates: Value }[],
    documents: number,
  ): void {
    const sops = value.entries.get("sops");
    if (sops?.kind !== "map") {
      this.error(
        'there is no sops block: the object is not encrypted; run "sopsmith encrypt"',
        sops ?? value,
      );
      return;
    }
    if (documents > 1)
      this.warning(
        "the file has several documents with one MAC, which the operator cannot check; use one file for each object",
        sops,
      );
    const has = (field: string): boolean => {
      const item = sops.entries.get(field);
      return (
        item !== undefined && item.kind !== "null" && !(item.kind === "text" && item.value === "")
      );
    };
    if (!has("mac"))
      this.warning("sops.mac is missing: nobody can tell whether the object was changed", sops);
    const only = sops.entries.get("mac_only_encrypted");
    if (!(only?.kind === "bool" && only.value))
      this.warning(
        'mac_only_encrypted is not set: the MAC does not survive what a cluster adds to metadata; run "sopsmith k8s fix"',
        sops,
      );
    for (const field of ["encrypted_comment_regex", "unencrypted_comment_regex"])
      if (has(field))
        this.error(`sops.${field} cannot work in a cluster, where comments are lost`, sops);
    const pruned = prunedFields.filter(has);
    const kms = sops.entries.get("kms");
    if (
      kms?.kind === "list" &&
      kms.items.some((key) => key.kind === "map" && key.entries.has("context"))
    )
      pruned.push("kms[].context");
    for (const field of pruned)
      this.warning(
        `sops.${field} is dropped where the CRD of sops-secrets-operator is installed: install the one from "sopsmith k8s crd"`,
        sops,
      );
    for (const { kind, templates } of present) {
      const plain = firstPlain(templates, ["spec", kind.list]);
      if (plain === undefined) continue;
      this.warning(
        `${pathText(plain.path)} is unencrypted, so nobody can tell whether it was changed: encrypt with encrypted_suffix: Templates`,
        plain.value,
      );
    }
  }
}

function firstPlain(
  value: Value,
  path: PathStep[],
): { path: PathStep[]; value: Value } | undefined {
  if (value.kind === "null") return undefined;
  if (value.kind === "text")
    return value.value === "" || isCiphertext(value.value) ? undefined : { path, value };
  const children: (readonly [PathStep, Value])[] =
    value.kind === "map"
      ? [...value.entries]
      : value.kind === "list"
        ? [...value.items.entries()]
        : [];
  if (value.kind !== "map" && value.kind !== "list") return { path, value };
  for (const [step, child] of children) {
    const found = firstPlain(child, [...path, step]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a value is, without the value: it may be secret. */
function shown(value: Value): string {
  switch (value.kind) {
    case "int":
    case "float":
      return "a number";
    case "bool":
      return "a boolean";
    default:
      return describe(value);
  }
}
