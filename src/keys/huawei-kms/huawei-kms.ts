import { entry, map } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import { textLeaf } from "../../tree/text.ts";
import { isBase64, keyCodec, loadedLater, oneField, text } from "../key-codec.ts";
import { KeySyntaxError, type KeyProvider } from "../provider.ts";

/** HuaweiCloud KMS over its REST API (spec keys section 9). */
export const huaweiKms: KeyProvider = {
  ...keyCodec({
    type: "hckms",
    label: "HuaweiCloud KMS",
    flag: "hckms",
    env: "SOPS_HUAWEICLOUD_KMS_IDS",
    configField: "hckms",
    groupField: "hckms",
    fields: [text("key_id")],
    identify: (fields) => checkId(readText(fields, "key_id")),
    fromText: (part) => (part.trim() === "" ? undefined : { key_id: checkId(part.trim()) }),
    fromMapping: (item) => map([entry("key_id", textLeaf(checkId(readText(item, "key_id"))))]),
  }),
  isTextList: true,
  ruleItem: oneField("key_id"),
  order: { rule: 4, flags: 2 },
  ids: { form: /^[a-z]{2}-[a-z]+-\d+:[0-9A-Fa-f-]{36}$/ },
  isWrapped: isBase64,
  isRemote: true,
  logged: { topic: "HCKMS", field: "keyID" },
  ...loadedLater(() => import("./wrap.ts")),
};

function checkId(id: string): string {
  const at = id.indexOf(":");
  if (at < 0) throw new KeySyntaxError("invalid key ID format: expected 'region:key-uuid'");
  if (at === 0) throw new KeySyntaxError("region cannot be empty in key ID");
  if (at === id.length - 1) throw new KeySyntaxError("key UUID cannot be empty in key ID");
  return id;
}
