import type { ChildResult, Host } from "../io/host.ts";
import { systemCode } from "../io/system-error.ts";
import { ranks, uses, type Check, type Finding } from "./finding.ts";

const NAME = "gpg";

/** gpg, its agent, and the private keys that it has; only where a file or a rule has a PGP key. */
export const checkGpg: Check = async (patient) => {
  const { host } = patient;
  const program = host.env["SOPS_GPG_EXEC"] || "gpg";
  if (!uses(patient, "pgp") && !host.env["SOPS_GPG_EXEC"])
    return [{ name: NAME, state: "unused", text: "no PGP key is used here" }];
  const version = await output([program, "--version"], host);
  if (version === undefined)
    return [
      {
        name: NAME,
        state: "problem",
        text: `${program} was not found or does not run`,
        todo:
          program === "gpg"
            ? "Install GnuPG, or name its program in SOPS_GPG_EXEC: gpg was not found."
            : "Set SOPS_GPG_EXEC to the path of gpg, without arguments: the program that it names does not run.",
        rank: ranks.tool,
      },
    ];
  const [line = ""] = text(version).split("\n");
  const findings: Finding[] = [{ name: NAME, state: "ok", text: line }];
  const listed = await output([program, "--batch", "--with-colons", "--list-secret-keys"], host);
  const count = text(listed).match(/^sec:/gm)?.length ?? 0;
  findings.push({
    name: NAME,
    state: count > 0 ? "ok" : "unused",
    text: `${count === 1 ? "1 private key" : `${count} private keys`} in the key rings`,
  });
  const agent = await output(["gpg-connect-agent", "--no-autostart", "/bye"], host);
  findings.push(
    agent?.status === 0
      ? { name: NAME, state: "ok", text: "gpg-agent answers" }
      : {
          name: NAME,
          state: "unused",
          text: "gpg-agent is not running yet; gpg starts it when needed",
        },
  );
  return findings;
};

async function output(argv: readonly string[], host: Host): Promise<ChildResult | undefined> {
  try {
    return await host.run(argv, host.env);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

const text = (result: ChildResult | undefined): string =>
  Buffer.from(result?.stdout ?? []).toString("utf8");
