import { stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { Host } from "../io/host.ts";
import { heldRecipients } from "../keys/age/held-recipients.ts";
import { findAgeIdentities } from "../keys/age/identities.ts";
import type { AgeIdentity } from "../keys/age/identity.ts";
import { keyReference, shortKey } from "../people/key-id.ts";
import { ranks, uses, type Check, type Finding, type Patient } from "./finding.ts";
import { firstAge } from "./plugins.ts";

const NAME = "age keys";

/** Where age identities are looked for, and what is there: places, modes and public halves. */
export const checkAgeKeys: Check = async (patient) => {
  const { host, keys } = patient;
  const found = await findAgeIdentities(firstAge(keys), host);
  const findings: Finding[] = found.errors.map((error, index) => {
    const source = found.broken[index] ?? "the key source";
    const known = found.advice.find((sentence) => sentence.startsWith(source));
    return {
      name: NAME,
      state: "problem",
      text: error,
      todo: known ?? `Fix ${source}: ${error}.`,
      rank: ranks.keySource,
    };
  });
  const held = new Map<string, string>();
  for (const [location, identities] of byLocation(found.identities)) {
    const recipients = await heldRecipients(identities);
    for (const recipient of recipients) held.set(reference(recipient), location);
    for (const row of await rowsOf(location, identities, recipients, host)) findings.push(row);
  }
  for (const place of found.looked.filter((line) => line.endsWith(": 0 identities"))) {
    const source = place.replace(/: 0 identities$/, "");
    findings.push({
      name: NAME,
      state: "problem",
      text: `${source} contains no identity`,
      todo: `Put your identity, AGE-SECRET-KEY-1…, into ${source}: it contains none.`,
      rank: ranks.keySource,
    });
  }
  const elsewhere = await foundElsewhere(patient, held, found.looked);
  for (const row of elsewhere) findings.push(row);
  if (found.identities.length === 0 && findings.length === 0) findings.push(noKey(patient));
  else if (elsewhere.length === 0)
    return [...findings, ...isStranger(patient, found.identities, held)];
  return findings;
};

/** By recipient: where its identity is. */
export async function heldBy(patient: Patient): Promise<ReadonlyMap<string, string>> {
  const { identities } = await findAgeIdentities(firstAge(patient.keys), patient.host);
  const held = new Map<string, string>();
  for (const identity of identities)
    for (const recipient of await heldRecipients([identity]))
      held.set(reference(recipient), identity.location);
  return held;
}

export const reference = (recipient: string): string =>
  keyReference({ type: "age", id: recipient });

function byLocation(identities: readonly AgeIdentity[]): Map<string, AgeIdentity[]> {
  return Map.groupBy(identities, ({ location }) => location);
}

async function rowsOf(
  location: string,
  identities: readonly AgeIdentity[],
  recipients: readonly string[],
  host: Host,
): Promise<Finding[]> {
  const isSsh = identities.every(({ kind }) => kind === "ssh");
  const row = isSsh ? "ssh keys" : NAME;
  const path = isAbsolute(location) ? location : (host.env[location] ?? "");
  const file = location.endsWith("_FILE") || isAbsolute(location) ? path : undefined;
  const mode = file === undefined ? undefined : await modeOf(file);
  const shown = recipients.map((id) => (isSsh ? shortKey({ type: "age", id }) : id)).join(", ");
  const place = file === undefined || file === location ? location : `${location}, ${file}`;
  const octal = mode === undefined ? "" : `, mode ${mode.toString(8).padStart(4, "0")}`;
  const count = identities.length === 1 ? "1 identity" : `${identities.length} identities`;
  const text = `${place}${octal}: ${count}, ${shown}`;
  if (mode === undefined || (mode & 0o077) === 0 || host.platform === "win32")
    return [{ name: row, state: "ok", text }];
  return [
    {
      name: row,
      state: "problem",
      text: `${text}; others on this machine can read it`,
      todo: `Run \`chmod 600 ${file}\`: others on this machine can read the identities in it.`,
      rank: ranks.access,
    },
  ];
}

/** Permission bits of a regular file. */
async function modeOf(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats.mode & 0o777 : undefined;
}

/** Key files that are where other programs, or the same one on another system, would look. */
async function foundElsewhere(
  { host, keys }: Patient,
  held: ReadonlyMap<string, string>,
  looked: readonly string[],
): Promise<Finding[]> {
  const home = host.env["HOME"] ?? host.env["USERPROFILE"];
  const places = [
    ...(home === undefined
      ? []
      : [
          ".config/sops/age/keys.txt",
          "Library/Application Support/sops/age/keys.txt",
          ".config/age/keys.txt",
          ".age/keys.txt",
          ".age/key.txt",
          ".sops/age/keys.txt",
        ].map((file) => join(home, file))),
    ...["age.agekey", "age.key", "key.txt", "keys.txt"].map((file) => join(host.cwd(), file)),
  ];
  const isLookedAt = (path: string) =>
    looked.some((line) => line.startsWith(`${path}: `)) || host.env["SOPS_AGE_KEY_FILE"] === path;
  const wanted = new Map(
    keys.filter(({ type }) => type === "age").map(({ id }) => [reference(id), id]),
  );
  for (const path of places) {
    if (isLookedAt(path) || (await modeOf(path)) === undefined) continue;
    const there = await findAgeIdentities("", { ...host, env: { SOPS_AGE_KEY_FILE: path } });
    const recipients = await heldRecipients(there.identities);
    const useful = recipients.find(
      (recipient) => wanted.has(reference(recipient)) && !held.has(reference(recipient)),
    );
    if (useful === undefined && (held.size > 0 || recipients.length === 0)) continue;
    const of = useful ?? recipients[0] ?? "";
    return [
      {
        name: NAME,
        state: "problem",
        text: `${path} holds the identity of ${of}, but sopsmith does not look there`,
        todo: `Set SOPS_AGE_KEY_FILE to ${path}: it holds the identity of ${of}, but sopsmith does not look there.`,
        rank: useful === undefined ? ranks.noKey : ranks.keySource,
      },
    ];
  }
  return [];
}

function noKey(patient: Patient): Finding {
  const { keys, config, file } = patient;
  const text = "there is no age identity where sopsmith looks for one";
  if (keys.length > 0 && !uses(patient, "age")) return { name: NAME, state: "unused", text };
  const isNew = config.loaded === undefined && file === undefined;
  return {
    name: NAME,
    state: "problem",
    text,
    todo: isNew
      ? "Run `sopsmith init`: there is no age key and no .sops.yaml yet."
      : "Put your age identity where sopsmith looks for it, or name its file in SOPS_AGE_KEY_FILE; `sopsmith keygen --default` makes a new one.",
    rank: ranks.noKey,
  };
}

/** The user has keys, and no creation rule names one of them. */
function isStranger(
  { keys, file, config }: Patient,
  identities: readonly AgeIdentity[],
  held: ReadonlyMap<string, string>,
): Finding[] {
  const [own] = held.keys();
  // Other keys may do, and of SSH keys and of plugins' it is not known what they open.
  if (
    own === undefined ||
    file !== undefined ||
    keys.length === 0 ||
    keys.some(({ type }) => type !== "age") ||
    identities.some(({ kind }) => kind !== "native") ||
    keys.some(({ id }) => held.has(reference(id)))
  )
    return [];
  const recipient = own.replace(/^age /, "");
  const path = config.loaded?.path ?? ".sops.yaml";
  return [
    {
      name: NAME,
      state: "problem",
      text: `none of your recipients is in ${path}`,
      todo: `Ask somebody who has access to add your recipient ${recipient} with \`sopsmith grant\`, or name another key file in SOPS_AGE_KEY_FILE: no rule in ${path} lists your recipient.`,
      rank: ranks.noKey,
    },
  ];
}
