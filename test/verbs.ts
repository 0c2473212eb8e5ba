import type { FormatName } from "../formats/format.ts";
import { decryptSource, type DecryptOptions } from "../src/decrypt.ts";
import { changeSource, type Change, type ChangeOptions } from "../src/change.ts";
import { encryptSource, type EncryptOptions } from "../src/encrypt.ts";
import { SopsmithError } from "../src/errors.ts";
import type { Host } from "../src/io/host.ts";
import { localKeyService } from "../src/key-service/key-service.ts";
import { age } from "../src/keys/age/age.ts";
import { joinChunks } from "../src/tree/long-text.ts";
import { alice, fakeHost } from "./keys/fake-host.ts";

/** A host that holds alice's identity. */
export const aliceHost: Host = fakeHost({ env: { SOPS_AGE_KEY: alice.identity } });

/** A file of one format under the name `secrets.x`, with alice as its only recipient. */
export interface File {
  format?: FormatName;
  output?: FormatName;
  host?: Host;
}

const bytesOf = (source: string | Uint8Array): Uint8Array =>
  typeof source === "string" ? Buffer.from(source) : source;

const common = ({ format = "yaml", output = format }: File) => ({
  file: "secrets.x",
  input: format,
  output,
  services: [localKeyService],
  warn: () => undefined,
});

export async function encryptBytes(
  source: string | Uint8Array,
  options: File & Partial<EncryptOptions> = {},
): Promise<Buffer> {
  const host = options.host ?? aliceHost;
  const keys = await age.parse(alice.recipient, host);
  return joinChunks(
    await encryptSource(
      bytesOf(source),
      {
        keyGroups: [keys],
        threshold: 0,
        selectors: [],
        macOnlyEncrypted: false,
        ...options,
        ...withoutFile(options),
      },
      host,
    ),
  );
}

export const encryptText = async (
  source: string | Uint8Array,
  options: File & Partial<EncryptOptions> = {},
): Promise<string> => (await encryptBytes(source, options)).toString();

export async function decryptBytes(
  source: string | Uint8Array,
  options: File & Partial<DecryptOptions> = {},
): Promise<Buffer> {
  const all = { order: ["age", "pgp"], ...options, ...withoutFile(options) };
  return joinChunks(await decryptSource(bytesOf(source), all, options.host ?? aliceHost));
}

export const decryptText = async (
  source: string | Uint8Array,
  options: File & Partial<DecryptOptions> = {},
): Promise<string> => (await decryptBytes(source, options)).toString();

/** `undefined` when nothing changed. */
export async function changeText(
  source: string | Uint8Array,
  change: Change,
  options: File & Partial<ChangeOptions> = {},
): Promise<string | undefined> {
  const all = { order: ["age", "pgp"], ...options, ...withoutFile(options) };
  const chunks = await changeSource(bytesOf(source), all, change, options.host ?? aliceHost);
  return chunks && joinChunks(chunks).toString();
}

function withoutFile(
  options: File & { file?: string | undefined; warn?: ((message: string) => void) | undefined },
) {
  const base = common(options);
  return { ...base, file: options.file ?? base.file, warn: options.warn ?? base.warn };
}

/** The error that a promise ends in; anything but a SopsmithError fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<SopsmithError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof SopsmithError) return error;
  throw new Error("expected a refusal", { cause: error });
}

/** The same for a function that throws. */
export function thrownBy(action: () => unknown): SopsmithError {
  try {
    action();
  } catch (error) {
    if (error instanceof SopsmithError) return error;
    throw new Error("expected a SopsmithError", { cause: error });
  }
  throw new Error("expected a refusal");
}
