import type { Channel, Host } from "../../io/host.ts";
import { IdentityFailure } from "./identity-failure.ts";
import { Lines } from "./lines.ts";

/**
 * gpg-agent as the keeper of passphrases (spec keys 2.5): it shows its pinentry and remembers the answer.
 *
 * @see GnuPG manual, "Agent's Assuan protocol", GET_PASSPHRASE and CLEAR_PASSPHRASE
 */

export interface AgentRequest {
  readonly cacheId: string;
  /** What the pinentry says. */
  readonly description: string;
}

/** The error code of a pinentry that the user left, in the low 16 bits of the number. */
const CANCELED = 99;

/**
 * @returns the passphrase; undefined where no agent can be reached, or where it cannot ask (no pinentry, no screen)
 * @throws {IdentityFailure} when the user cancels
 */
export async function askAgent(request: AgentRequest, host: Host): Promise<string | undefined> {
  return withAgent(host, async (call) => {
    const { DISPLAY: display, TERM: terminalType } = host.env;
    const terminal = host.env["GPG_TTY"] ?? (await host.terminalName());
    for (const [option, value] of [
      ["display", display],
      ["ttyname", terminal],
      ["ttytype", terminalType],
    ] as const)
      if (value) await call(`OPTION ${option}=${value.replaceAll(/[\r\n]/g, "")}`);
    const answer = await call(
      `GET_PASSPHRASE ${request.cacheId} X Passphrase ${escape(request.description)}`,
    );
    const [, hex] = /^OK ?([0-9A-Fa-f]*)$/.exec(answer) ?? [];
    if (hex !== undefined) return Buffer.from(hex, "hex").toString("utf8");
    const [, code = ""] = /^ERR (\d+)/.exec(answer) ?? [];
    if ((Number(code) & 0xffff) === CANCELED)
      throw new IdentityFailure(
        "gpg-agent gave no passphrase: the request was canceled",
        "run the command again and enter the passphrase",
      );
    return undefined;
  });
}

/** Makes the agent forget a passphrase that was wrong. */
export async function clearAgent({ cacheId }: AgentRequest, host: Host): Promise<void> {
  await withAgent(host, (call) => call(`CLEAR_PASSPHRASE ${cacheId}`));
}

async function withAgent<T>(
  host: Host,
  use: (call: (command: string) => Promise<string>) => Promise<T>,
): Promise<T | undefined> {
  for (const path of sockets(host)) {
    let channel: Channel;
    try {
      channel = await host.connect(path);
    } catch {
      continue;
    }
    try {
      const lines = new Lines(channel);
      if (!(await lines.next())?.startsWith("OK")) continue;
      return await use(async (command) => {
        await channel.send(`${command}\n`);
        for (;;) {
          const line = (await lines.next()) ?? "ERR 0 the agent went away";
          // Status lines and comments go before the answer.
          if (/^(OK|ERR)\b/.test(line)) return line;
          if (line.startsWith("INQUIRE")) await channel.send("END\n");
        }
      });
    } catch (error) {
      // An agent that goes away in the middle is none.
      if (error instanceof IdentityFailure) throw error;
    } finally {
      await channel.close();
    }
  }
  return undefined;
}

function sockets({ env, ...host }: Host): string[] {
  const info = env["GPG_AGENT_INFO"];
  if (info !== undefined) return info === "" ? [] : [info.replace(/:.*$/, "")];
  const home = host.accountHome();
  const runtime = env["XDG_RUNTIME_DIR"];
  return [
    ...(home === undefined ? [] : [`${home}/.gnupg/S.gpg-agent`]),
    ...(runtime ? [`${runtime}/gnupg/S.gpg-agent`] : []),
  ];
}

/** As Go's url.QueryEscape has it: a blank becomes `+`. */
const escape = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
