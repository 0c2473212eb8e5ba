import { SopsmithError } from "../../errors.ts";
import { entry, map, nil, type Mapping } from "../../tree/node.ts";
import { readText, readTextMap } from "../../tree/typed-fields.ts";
import { textLeaf } from "../../tree/text.ts";
import { isBase64, keyCodec, loadedLater, text } from "../key-codec.ts";
import type { KeyProvider, MasterKey } from "../provider.ts";

/** AWS KMS through Amazon's SDK and its chain of credentials (spec keys section 5). */
export const awsKms: KeyProvider = {
  ...keyCodec({
    type: "kms",
    label: "AWS KMS",
    flag: "kms",
    env: "SOPS_KMS_ARN",
    configField: "kms",
    groupField: "kms",
    fields: [
      text("arn"),
      text("aws_profile"),
      { name: "context", kind: "text-map", omitEmpty: true },
      { name: "role", kind: "text", omitEmpty: true },
    ],
    identify,
    fromText: (part) => {
      const id = part.replaceAll(" ", "");
      const at = id.indexOf("+arn:");
      return at > 0
        ? { arn: id.slice(0, at), aws_profile: "", role: id.slice(at + 1) }
        : { arn: id, aws_profile: "", role: "" };
    },
    fromMapping: (item) => {
      const out = map([
        entry("arn", textLeaf(readText(item, "arn").replaceAll(" ", ""))),
        entry("aws_profile", textLeaf(readText(item, "aws_profile"))),
      ]);
      const role = readText(item, "role");
      if (role !== "") out.items.push(entry("role", textLeaf(role)));
      const context = readTextMap(item, "context");
      if (context.size > 0) out.items.push(contextEntry(context));
      return out;
    },
  }),
  shortFlag: "k",
  ruleItem: {
    kind: "map",
    fields: ["arn", "role", "aws_profile"],
    idFields: ["arn"],
    split: (id) => {
      const at = id.indexOf("+arn:");
      return at < 0 ? { arn: id } : { arn: id.slice(0, at), role: id.slice(at + 1) };
    },
    hasContext: true,
  },
  order: { rule: 2, flags: 0 },
  ids: {
    form: /^arn:/,
    inMessage: /\barn:[^\s,;"'()]+/,
    // Without role, context and profile.
    same: (id) => /^[^+|\s]*/.exec(id)?.[0] ?? id,
    short: (id) => id.replace(/^arn:[^:]*:kms:([^:]*):[^:]*:/, "$1 ").replace(/[+|].*/s, ""),
    name: { pattern: /:(alias\/[^+|\s]+)/, source: "cloud name" },
  },
  isWrapped: isBase64,
  isRemote: true,
  logged: { topic: "AWSKMS", field: "arn" },
  ...loadedLater(() => import("./wrap.ts")),
};

function identify(fields: Mapping): string {
  const role = readText(fields, "role");
  const profile = readText(fields, "aws_profile");
  const context = [...readTextMap(fields, "context")]
    .toSorted(byName)
    .map(([key, value]) => `${key}:${value ?? ""}`)
    .join(",");
  const arn = readText(fields, "arn") + (role === "" ? "" : `+${role}`);
  if (profile !== "") return `${arn}|${context}|${profile}`;
  return context === "" ? arn : `${arn}|${context}`;
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b));

const contextEntry = (context: ReadonlyMap<string, string | undefined>) =>
  entry(
    "context",
    map(
      [...context]
        .toSorted(byName)
        .map(([key, value]) => entry(key, value === undefined ? nil() : textLeaf(value))),
    ),
  );

/** An encryption context that is not written `name:value,name:value`. Exit 6. */
class EncryptionContextError extends SopsmithError {
  constructor() {
    super("encryption-context", 6, "Invalid KMS encryption context format", {
      hint: "Write --encryption-context name:value,name:value, with exactly one colon in each pair.",
    });
  }
}

/**
 * The pairs of `--encryption-context`; empty for the empty text.
 *
 * @throws {EncryptionContextError}
 */
export function parseEncryptionContext(text: string): Map<string, string> {
  const context = new Map<string, string>();
  for (const pair of text === "" ? [] : text.split(",")) {
    const [name = "", value, ...more] = pair.split(":");
    if (value === undefined || more.length > 0) throw new EncryptionContextError();
    context.set(name, value);
  }
  return context;
}

/** The key with a profile and a context that are beside its ARN; a key of another type as it is. */
export function withAwsSettings(
  key: MasterKey,
  { profile = "", context = new Map() }: { profile?: string; context?: Map<string, string> },
): MasterKey {
  if (key.type !== "kms") return key;
  const replaced = [
    ...(profile === "" ? [] : [entry("aws_profile", textLeaf(profile))]),
    ...(context.size === 0 ? [] : [contextEntry(context)]),
  ];
  const names = new Set(replaced.map((item) => item.key));
  const kept = key.fields.items.filter((item) => item.kind === "entry" && !names.has(item.key));
  const fields = map(
    [...kept, ...replaced].toSorted((a, b) =>
      a.kind === "entry" && b.kind === "entry" && a.key < b.key ? -1 : 1,
    ),
  );
  return { ...key, id: identify(fields), fields };
}
