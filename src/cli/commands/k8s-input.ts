import { SopsmithError } from "../../errors.ts";
import { systemCode, systemReason } from "../../io/system-error.ts";
import { isSopsSecret, readResources, type Manifest } from "../../k8s/read.ts";
import type { Call } from "../command.ts";
import type { BoolFlag, TextFlag } from "../flags.ts";
import { warn } from "../warn.ts";

export const bool = (about: string, ...names: [string, ...string[]]): BoolFlag => ({
  kind: "bool",
  names,
  about,
});
export const text = (about: string, value: string, ...names: [string, ...string[]]): TextFlag => ({
  kind: "text",
  names,
  about,
  value,
});
/** The name of stdin in messages. */
export const nameOf = (operand: string): string => (operand === "-" ? "stdin" : operand);

/** @throws {SopsmithError} exit 1 for a file that cannot be read */
export async function readInput(call: Call, operand: string): Promise<Uint8Array> {
  try {
    return operand === "-" ? await call.streams.readStdin() : await call.host.readFile(operand);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    const why = systemCode(error) === "ENOENT" ? "no such file" : systemReason(error);
    throw new SopsmithError("unreadable", 1, `cannot read ${nameOf(operand)}: ${why}`, {
      cause: error,
    });
  }
}

/** The manifests of one file as kubectl reads them. */
export async function readManifestFile(call: Call, operand: string): Promise<Manifest[]> {
  const file = nameOf(operand);
  return readResources(await readInput(call, operand), file, (message) =>
    warn(call.streams, message),
  );
}

/** The SopsSecrets of a file; other resources beside them are left alone. */
export async function readSopsSecrets(call: Call, operand: string): Promise<Manifest[]> {
  const found = (await readManifestFile(call, operand)).filter(isSopsSecret);
  if (found.length === 0) throw noSopsSecret(operand);
  return found;
}

export const noSopsSecret = (operand: string): SopsmithError =>
  new SopsmithError("no-sops-secret", 1, `there is no SopsSecret in ${nameOf(operand)}`, {
    hint: "sopsmith k8s encrypt makes one from plain Secrets.",
  });
