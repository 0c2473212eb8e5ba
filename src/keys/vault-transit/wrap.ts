import type { Mapping } from "../../tree/node.ts";
import { readText } from "../../tree/typed-fields.ts";
import { parseObject, RemoteFailure, remoteKeys, textAt, type Wire } from "../remote.ts";
import { checkAddress, findToken, refusal, request } from "./api.ts";

export const { wrap, unwrap } = remoteKeys({
  failed: (verb, { fields }) =>
    `failed to ${verb} sops data key ${verb === "encrypt" ? "to" : "from"} Vault transit backend '${pathOf(fields, verb)}': `,
  async wrap(fields, part, wire) {
    const plaintext = Buffer.from(part).toString("base64");
    const ciphertext = textAt(await write(fields, "encrypt", { plaintext }, wire), "ciphertext");
    if (!ciphertext) throw new RemoteFailure("no encrypted data", checkAddress);
    return ciphertext;
  },
  async unwrap(fields, enc, wire) {
    const plaintext = textAt(
      await write(fields, "decrypt", { ciphertext: enc }, wire),
      "plaintext",
    );
    if (!plaintext) throw new RemoteFailure("no decrypted data", checkAddress);
    return new Uint8Array(Buffer.from(plaintext, "base64"));
  },
});

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
  checkAllowlist(address, env["SOPS_HC_VAULT_ALLOWLIST"] ?? "");
  if (readText(fields, "engine_path") === "")
    throw new RemoteFailure("transit backend is empty", checkAddress);
  const token = await findToken(wire);
  wire.hide(token);
  const base = (env["VAULT_AGENT_ADDR"] || address).replace(/\/+$/, "");
  const path = pathOf(fields, verb).split("/").map(encodeURIComponent).join("/");
  const response = await request("PUT", `${base}/v1/${path}`, JSON.stringify(body), token, wire);
  if (response.status >= 200 && response.status < 300)
    return parseObject(response, "Vault")["data"];
  throw refusal(response, token, pathOf(fields, verb));
}

/** @throws {RemoteFailure} for an address that `SOPS_HC_VAULT_ALLOWLIST` does not name */
function checkAllowlist(address: string, allowlist: string): void {
  if (allowlist === "" || allowlist === "all") return;
  const remedy = `add the address to SOPS_HC_VAULT_ALLOWLIST, or unset it, if you trust that server with your token`;
  const refused = new RemoteFailure(`Allowlist does not allow ${address}`, remedy);
  if (allowlist === "none") throw refused;
  const prefixes = allowlist.split(",").map((prefix, index) => {
    if (prefix.trim() === "")
      throw new RemoteFailure(
        `SOPS_HC_VAULT_ALLOWLIST's entry ${index + 1} is empty`,
        "take the extra comma out",
      );
    return `${prefix.trim().replace(/\/$/, "")}/`;
  });
  if (!prefixes.some((prefix) => `${address}/`.startsWith(prefix))) throw refused;
}
