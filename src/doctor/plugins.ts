import { programPath } from "../io/program-path.ts";
import { findAgeIdentities } from "../keys/age/identities.ts";
import { ranks, type Check } from "./finding.ts";

/** The age plugins that recipients and identities need: each is a program on `PATH`. */
export const checkPlugins: Check = async ({ host, keys }) => {
  const wanted = new Map<string, string>();
  for (const { type, id } of keys) {
    // `age1NAME1…`: Bech32's separator is the last 1.
    const [, plugin] = /^age1([a-z0-9+._-]+)1[02-9ac-hj-np-z]+$/.exec(id) ?? [];
    if (type === "age" && plugin !== undefined && !/^(?:tag|pq|tagpq)$/.test(plugin))
      wanted.set(plugin, `the recipient ${id.slice(0, 5 + plugin.length)}…`);
  }
  const { identities } = await findAgeIdentities(firstAge(keys), host);
  for (const identity of identities)
    if (identity.kind === "plugin")
      wanted.set(identity.name, `the identity in ${identity.location}`);
  return [...wanted].map(([plugin, why]) => {
    const program = `age-plugin-${plugin}`;
    const path = programPath(program, host);
    return path === undefined
      ? {
          name: "plugins",
          state: "problem",
          text: `${program} was not found on PATH, but ${why} needs it`,
          todo: `Install ${program}: ${why} needs it, but it was not found on PATH.`,
          rank: ranks.tool,
        }
      : { name: "plugins", state: "ok", text: `${program} is ${path}` };
  });
};

/** Commands that give identities are asked for one recipient. */
export const firstAge = (keys: Parameters<Check>[0]["keys"]): string =>
  keys.find(({ type }) => type === "age")?.id ?? "";
