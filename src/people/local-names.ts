import { join } from "node:path";
import { foundFile, type Host } from "../io/host.ts";
import { systemCode } from "../io/system-error.ts";
import { keyReference, type KeyId } from "./key-id.ts";
import { clean, type NamedKey } from "./names.ts";

/**
 * The names that this machine knows keys by: the user ids of PGP keys in gpg's key ring, and the comments of the user's own
 * SSH keys. Nothing goes over the network. What cannot be asked knows no names.
 *
 * @param keys those without a better name
 */
export async function localNames(keys: readonly KeyId[], host: Host): Promise<NamedKey[]> {
  const home = host.env["HOME"] ?? host.env["USERPROFILE"];
  const pgp = keys.filter(({ type }) => type === "pgp");
  const ssh = keys.filter(({ type, id }) => type === "age" && id.startsWith("ssh-"));
  return [
    ...(pgp.length > 0 ? await pgpNames(pgp, home, host) : []),
    ...(ssh.length > 0 && home !== undefined ? await sshNames(ssh, home, host) : []),
  ];
}

async function pgpNames(
  keys: readonly KeyId[],
  home: string | undefined,
  host: Host,
): Promise<NamedKey[]> {
  const rings = host.env["GNUPGHOME"] ?? (home === undefined ? undefined : join(home, ".gnupg"));
  // gpg would make the directory.
  if (rings === undefined || !(await isThere(rings, host))) return [];
  const byDigits = new Map(keys.map((key) => [keyReference(key).split(" ")[1] ?? "", key]));
  const digits = [...byDigits.keys()].filter((text) => /^[0-9A-F]{16}$/.test(text));
  const program = host.env["SOPS_GPG_EXEC"] || "gpg";
  const args = ["--batch", "--no-tty", "--no-auto-check-trustdb", "--with-colons", "--list-keys"];
  const { stdout } = await host
    .run([program, ...args, "--", ...digits], host.env)
    .catch((error: unknown) => {
      if (systemCode(error) === undefined) throw error;
      return { stdout: new Uint8Array(0) };
    });
  const named: NamedKey[] = [];
  let fingerprints: string[] = [];
  let user = "";
  const finish = (): void => {
    for (const fingerprint of fingerprints) {
      const key = byDigits.get(fingerprint.slice(-16));
      const name = clean(user);
      if (key !== undefined && name !== "")
        named.push({ key, name, description: undefined, source: "pgp user id" });
    }
    [fingerprints, user] = [[], ""];
  };
  for (const line of Buffer.from(stdout).toString().split("\n")) {
    const fields = line.split(":");
    if (fields[0] === "pub") finish();
    else if (fields[0] === "fpr") fingerprints.push(fields[9] ?? "");
    else if (fields[0] === "uid" && user === "") user = unescaped(fields[9] ?? "");
  }
  finish();
  return named;
}

/** gpg writes a colon in a user id as `\x3a`. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\x([0-9a-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

async function sshNames(keys: readonly KeyId[], home: string, host: Host): Promise<NamedKey[]> {
  const byReference = new Map(keys.map((key) => [keyReference(key), key]));
  const named: NamedKey[] = [];
  for (const file of ["id_ed25519.pub", "id_rsa.pub"]) {
    const text = await contentOf(join(home, ".ssh", file), host);
    const [line = ""] = Buffer.from(text).toString().split("\n");
    const key = byReference.get(keyReference({ type: "age", id: line.trim() }));
    const name = clean(line.trim().split(/\s+/).slice(2).join(" "));
    if (key !== undefined && name !== "")
      named.push({ key, name, description: undefined, source: "ssh comment" });
  }
  return named;
}

async function contentOf(path: string, host: Host): Promise<Uint8Array> {
  try {
    return await host.readFile(path, foundFile);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return new Uint8Array(0);
  }
}

/** Reading a directory fails in another way than reading nothing. */
async function isThere(path: string, host: Host): Promise<boolean> {
  try {
    await host.readFile(path, foundFile);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return systemCode(error) !== "ENOENT";
  }
  return true;
}
