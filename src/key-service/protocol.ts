import type { MethodDefinition } from "@grpc/grpc-js";
import type { Host } from "../io/host.ts";
import { absent } from "../io/optional-package.ts";
import { provider } from "../keys/index.ts";
import type { KeyType, MasterKey } from "../keys/provider.ts";
import { entry, map, str, type Entry } from "../tree/node.ts";
import { readText, readTextMap } from "../tree/typed-fields.ts";
import { timeText } from "../go/time.ts";
import { textLeaf } from "../tree/text.ts";

// The key service of sops: gRPC without TLS, messages without a package (spec cli section 8, keys section 13).

/** How a key travels: the field of the message `Key` that holds it, and that field's own message. */
interface KeyMessage {
  /** Name and number in `Key`. */
  readonly field: string;
  readonly id: number;
  readonly message: string;
  /** Names in the message, in the order of their numbers, with the stored fields that they hold. */
  readonly fields: readonly (readonly [name: string, stored: string])[];
  /** What a service asks its user about. */
  describe(key: MasterKey): string;
}

const same = (...names: readonly string[]) => names.map((name) => [name, name] as const);

const keyMessages: Readonly<Record<KeyType, KeyMessage>> = {
  kms: {
    field: "kms_key",
    id: 1,
    message: "KmsKey",
    fields: same("arn", "role", "context", "aws_profile"),
    describe: ({ fields }) => `AWS KMS key with ARN ${readText(fields, "arn")}`,
  },
  pgp: {
    field: "pgp_key",
    id: 2,
    message: "PgpKey",
    fields: [["fingerprint", "fp"]],
    describe: ({ id }) => `PGP key with fingerprint ${id}`,
  },
  gcp_kms: {
    field: "gcp_kms_key",
    id: 3,
    message: "GcpKmsKey",
    fields: same("resource_id"),
    describe: ({ id }) => `GCP KMS key with resource ID ${id}`,
  },
  azure_kv: {
    field: "azure_keyvault_key",
    id: 4,
    message: "AzureKeyVaultKey",
    fields: same("vault_url", "name", "version"),
    describe: ({ id }) => `Azure Key Vault key with URL ${id}`,
  },
  hc_vault: {
    field: "vault_key",
    id: 5,
    message: "VaultKey",
    fields: same("vault_address", "engine_path", "key_name"),
    describe: ({ id }) => `Hashicorp Vault key with URI ${id}`,
  },
  age: {
    field: "age_key",
    id: 6,
    message: "AgeKey",
    fields: same("recipient"),
    describe: ({ id }) => `age key with recipient ${id}`,
  },
  hckms: {
    field: "hckms_key",
    id: 7,
    message: "HckmsKey",
    fields: same("key_id"),
    describe: ({ id }) => `HuaweiCloud KMS key with ID ${id}`,
  },
};

const keyTypes = Object.entries(keyMessages) as [KeyType, KeyMessage][];

/** A key's own message: texts, and for `context` texts by name. Empty fields may be missing. */
type KeyFields = Readonly<Record<string, string | Readonly<Record<string, string>> | undefined>>;

/** The message `Key`: one of its fields is set. */
export type WireKey = Readonly<Record<string, KeyFields | null | undefined>>;

export interface EncryptRequest {
  readonly key?: WireKey | null;
  readonly plaintext?: Uint8Array;
}
export interface EncryptResponse {
  /** The text of `enc`, as bytes. */
  readonly ciphertext?: Uint8Array;
}
export interface DecryptRequest {
  readonly key?: WireKey | null;
  readonly ciphertext?: Uint8Array;
}
export interface DecryptResponse {
  readonly plaintext?: Uint8Array;
}

/** A type alias, as gRPC's table of services has an index signature. */
export type KeyServiceMethods = {
  readonly Encrypt: MethodDefinition<EncryptRequest, EncryptResponse>;
  readonly Decrypt: MethodDefinition<DecryptRequest, DecryptResponse>;
};

/**
 * The service's two methods, with the codecs of their messages.
 *
 * @throws {MissingPackage}
 */
export async function loadMethods(): Promise<KeyServiceMethods> {
  const { fromJSON } = await import("@grpc/proto-loader").catch(absent("@grpc/proto-loader"));
  const loaded: Readonly<Record<string, unknown>> = fromJSON(descriptor(), { keepCase: true });
  return loaded["KeyService"] as KeyServiceMethods;
}

/** The service as protobuf.js's JSON has it. */
function descriptor() {
  const bytes = { type: "bytes", id: 2 };
  const key = { type: "Key", id: 1 };
  const messages = keyTypes.map(([, { message, fields }]) => [
    message,
    {
      fields: Object.fromEntries(
        fields.map(([name], index) => [
          name,
          {
            ...(name === "context" ? { keyType: "string" } : {}),
            type: "string",
            id: index + 1,
          },
        ]),
      ),
    },
  ]);
  return {
    nested: {
      ...(Object.fromEntries(messages) as object),
      Key: {
        oneofs: { key_type: { oneof: keyTypes.map(([, { field }]) => field) } },
        fields: Object.fromEntries(
          keyTypes.map(([, { field, message, id }]) => [field, { type: message, id }]),
        ),
      },
      EncryptRequest: { fields: { key, plaintext: bytes } },
      EncryptResponse: { fields: { ciphertext: { type: "bytes", id: 1 } } },
      DecryptRequest: { fields: { key, ciphertext: bytes } },
      DecryptResponse: { fields: { plaintext: { type: "bytes", id: 1 } } },
      KeyService: {
        methods: {
          Encrypt: { requestType: "EncryptRequest", responseType: "EncryptResponse", comment: "" },
          Decrypt: { requestType: "DecryptRequest", responseType: "DecryptResponse", comment: "" },
        },
      },
    },
  };
}

export function toWire(key: MasterKey): WireKey {
  const { field, fields } = keyMessages[key.type];
  const message = fields.map(([name, stored]) => [
    name,
    name === "context"
      ? Object.fromEntries(
          [...readTextMap(key.fields, stored)].map(([entryName, text = ""]) => [entryName, text]),
        )
      : readText(key.fields, stored),
  ]);
  return { [field]: Object.fromEntries(message) as KeyFields };
}

/**
 * The key that a message holds, as if it had just been named.
 *
 * @param enc the wrapped part; undefined where the key shall wrap one
 * @returns undefined for a message without a key of a known type
 */
export function fromWire(
  message: WireKey | null | undefined,
  enc: string | undefined,
  host: Pick<Host, "now">,
): MasterKey | undefined {
  for (const [type, { field, fields }] of keyTypes) {
    const sent = message?.[field];
    if (sent === undefined || sent === null) continue;
    const { identify, storedFields } = provider(type);
    const entries = fields.flatMap(([name, stored]): Entry[] => {
      const value = sent[name] ?? "";
      const isEmpty = typeof value === "string" ? value === "" : Object.keys(value).length === 0;
      if (isEmpty && storedFields.find((known) => known.name === stored)?.omitEmpty === true)
        return [];
      if (typeof value === "string") return [entry(stored, textLeaf(value))];
      const context = Object.entries(value).map(([key, text]) => entry(key, textLeaf(text)));
      return [entry(stored, map(context))];
    });
    if (storedFields.some(({ name }) => name === "created_at"))
      entries.push(entry("created_at", str(timeText(host.now()))));
    const complete = map(entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)));
    return { type, id: identify(complete), fields: complete, enc };
  }
  return undefined;
}

export function describeKey(key: MasterKey): string {
  return keyMessages[key.type].describe(key);
}
