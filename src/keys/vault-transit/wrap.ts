import type { KeyProvider } from "../provider.ts";
import type { Mapping } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import { parseObject, RemoteFailure, remoteKeys, textAt, type Wire } from "../remote.ts";
import { urlPath } from "../url-path.ts";
import { CHECK_ADDRESS, findToken, refusal, request } from "./api.ts";
import { checkServer } from "./servers.ts";

const calls: Pick<KeyProvider, "wrap" | "unwrap"> = remoteKeys({
  failed: (verb, { fields }) =>
    `failed to ${verb} sops data key ${verb === "encrypt" ? "to" : "from"} Vault transit backend '${pathOf(fields, verb)}': `,
  async wrap(fields, part, wire) {
    const plaintext = Buffer.from(part).toString("base64");
    const ciphertext = textAt(await write(fields, "encrypt", { plaintext }, wire), "ciphertext");
    if (!ciphertext) throw new RemoteFailure("no encrypted data", CHECK_ADDRESS);
    return ciphertext;
  },
  async unwrap(fields, enc, wire) {
    const plaintext = textAt(
      await write(fields, "decrypt", { ciphertext: enc }, wire),
      "plaintext",
    );
    if (!plaintext) throw new RemoteFailure("no decrypted data", CHECK_ADDRESS);
    return new Uint8Array(Buffer.from(plaintext, "base64"));
  },
});
export const wrap: KeyProvider["wrap"] = calls.wrap;
export const unwrap: KeyProvider["unwrap"] = calls.unwrap;

const pathOf = (fields: Mapping, verb: string): string =>
  `${readText(fields, "engine_path")}/${verb}/${readText(fields, "key_name")}`;

/** @returns the `data` of the answer */
async function write(
  fields: Mapping,
  verb: "encrypt" | "decrypt",
  body: Record<string, string>,
  wire: Wire,
): Promise<unknown> {
  const { env } = wire.host;
  const address = readText(fields, "vault_address");
  const agent = env["VAULT_AGENT_ADDR"] ?? "";
  // Behind an agent of the user's own, the token goes nowhere else: only sops's own setting is heeded then.
  if (agent === "" || env["SOPS_HC_VAULT_ALLOWLIST"]) checkServer(address, wire);
  if (readText(fields, "engine_path") === "")
    throw new RemoteFailure("transit backend is empty", CHECK_ADDRESS);
  const engine = urlPath(readText(fields, "engine_path"), "engine path");
  const path = `${engine}/${verb}/${urlPath(readText(fields, "key_name"), "key name")}`;
  const token = await findToken(wire);
  wire.hide(token);
  const base = (agent || address).replace(/\/+$/, "");
  const response = await request("PUT", `${base}/v1/${path}`, JSON.stringify(body), token, wire);
  if (response.status >= 200 && response.status < 300)
    return parseObject(response, "Vault")["data"];
  throw refusal(response, token, pathOf(fields, verb));
}
