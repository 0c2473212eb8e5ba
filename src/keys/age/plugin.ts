import type { Stanza } from "age-encryption";
import { SopsmithError } from "../../errors.ts";
import type { Channel, Host } from "../../io/host.ts";
import { IdentityFailure } from "./identity-failure.ts";
import { Lines } from "./lines.ts";
import { Once } from "../once.ts";
import { errorCode, systemReason } from "./source.ts";
import { unpadded } from "./x25519.ts";

/**
 * Key types that live in programs of their own, `age-plugin-NAME` (spec keys section 3).
 *
 * @see C2SP "age-plugin"
 */

/** A plugin that is missing, that breaks the protocol, or that says no. Exit 1. */
export class PluginError extends SopsmithError {
  /** What to do, without a full stop. */
  readonly remedy: string | undefined;

  constructor(name: string, reason: string, remedy?: string) {
    const what = `${name} plugin: ${reason}`;
    super("age-plugin", 1, remedy === undefined ? what : `${what}; ${remedy}`);
    this.remedy = remedy;
  }
}

/**
 * The stanzas that hold the file key for a plugin's recipient.
 *
 * @param fileKey 16 bytes
 * @throws {PluginError}
 */
export async function wrapWithPlugin(
  name: string,
  recipient: string,
  fileKey: Uint8Array,
  host: Host,
): Promise<Stanza[]> {
  const stanzas: Stanza[] = [];
  let hasLabels = false;
  await converse(name, "recipient-v1", host, async (talk) => {
    await talk.send(["add-recipient", recipient]);
    await talk.send(["wrap-file-key"], fileKey);
    await talk.send(["extension-labels"]);
    await talk.send(["done"]);
    await talk.answer(async ([type = "", index, ...args], body) => {
      switch (type) {
        case "recipient-stanza":
          if (index !== "0" || args.length === 0)
            throw new PluginError(name, "it answered with a malformed recipient stanza");
          stanzas.push({ args, body });
          return ["ok"];
        case "labels":
          if (hasLabels) throw new PluginError(name, "it sent labels twice");
          hasLabels = true;
          return ["ok"];
        default:
          return undefined;
      }
    });
  });
  if (stanzas.length === 0) throw new PluginError(name, "received zero recipient stanzas");
  return stanzas;
}

/**
 * The file key of a header, when a plugin's identity opens one of its stanzas; undefined when none is for it.
 *
 * @returns 16 bytes
 * @throws {IdentityFailure}
 */
export async function unwrapWithPlugin(
  name: string,
  identity: string,
  stanzas: readonly Stanza[],
  host: Host,
): Promise<Uint8Array | undefined> {
  let fileKey: Uint8Array | undefined;
  try {
    await converse(name, "identity-v1", host, async (talk) => {
      await talk.send(["add-identity", identity]);
      for (const { args, body } of stanzas)
        await talk.send(["recipient-stanza", "0", ...args], body);
      await talk.send(["done"]);
      await talk.answer(async ([type = "", index], body) => {
        if (type !== "file-key") return undefined;
        if (index !== "0" || body.length !== 16 || fileKey !== undefined)
          throw new PluginError(name, "it answered with a malformed file key");
        fileKey = body;
        return ["ok"];
      });
    });
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    throw new IdentityFailure(
      error.message,
      error.remedy ?? `fix what age-plugin-${name} complains about (the report below shows it)`,
      { cause: error },
    );
  }
  return fileKey;
}

type Mode = "recipient-v1" | "identity-v1";

/** How long a plugin may be silent before the user is told whom the program waits for. */
const PATIENCE = 5000;

/** A plugin's secret that opened something: asked for once, however many files need it. */
interface Answers {
  readonly known: Map<string, string>;
  /** The conversation before this one: two at a time would both ask. */
  last: Promise<unknown>;
}

const answersOf = new Once<Answers>();

/** Runs the plugin for one conversation. @throws {PluginError} */
async function converse(
  name: string,
  mode: Mode,
  host: Host,
  speak: (talk: Conversation) => Promise<void>,
): Promise<void> {
  const answers = await answersOf.get(host, name, () =>
    Promise.resolve({ known: new Map<string, string>(), last: Promise.resolve() }),
  );
  const run = answers.last.then(() => converseAlone(name, mode, host, answers, speak));
  answers.last = run.catch(() => undefined);
  return run;
}

async function converseAlone(
  name: string,
  mode: Mode,
  host: Host,
  answers: Answers,
  speak: (talk: Conversation) => Promise<void>,
): Promise<void> {
  const channel = await start(name, mode, host);
  const talk = new Conversation(name, channel, host, answers.known);
  try {
    await speak(talk);
    for (const [prompt, answer] of talk.given) answers.known.set(prompt, answer);
  } catch (error) {
    answers.known.clear();
    if (error instanceof SopsmithError) throw error;
    // A pipe that broke: the plugin ended in the middle.
    throw new PluginError(name, "it ended before it was done");
  } finally {
    await channel.close();
  }
}

async function start(name: string, mode: Mode, host: Host): Promise<Channel> {
  const program = `age-plugin-${name}`;
  try {
    return await host.spawn([program, `--age-plugin=${mode}`], host.env);
  } catch (error) {
    if (errorCode(error) === "ENOENT")
      throw new PluginError(
        name,
        `couldn't start plugin: ${JSON.stringify(name)} plugin not found: exec: ${JSON.stringify(program)}: executable file not found in $PATH`,
        `install ${program}, and make sure that its directory is in PATH`,
      );
    throw new PluginError(
      name,
      `couldn't start plugin: ${systemReason(error)}`,
      `make sure that ${program} can be run`,
    );
  }
}

/** A stanza without its body as an answer; undefined for a command that the mode does not know. */
type Answer = readonly string[] | undefined;

class Conversation {
  /** What the user answered, by prompt. */
  readonly given = new Map<string, string>();
  private readonly name: string;
  private readonly channel: Channel;
  private readonly lines: Lines;
  private readonly host: Host;
  private readonly known: ReadonlyMap<string, string>;
  private readonly asked = new Set<string>();

  constructor(name: string, channel: Channel, host: Host, known: ReadonlyMap<string, string>) {
    this.name = name;
    this.channel = channel;
    this.lines = new Lines(channel);
    this.host = host;
    this.known = known;
  }

  async send(args: readonly string[], body: Uint8Array = new Uint8Array()): Promise<void> {
    const text = unpadded(body);
    const lines = text.match(/.{1,64}/g) ?? [];
    // The last line is shorter than 64 columns, empty if need be.
    const end = text.length % 64 === 0 ? "\n" : "";
    await this.channel.send(
      `-> ${args.join(" ")}\n${lines.map((line) => `${line}\n`).join("")}${end}`,
    );
  }

  /** Answers what the plugin sends until it is done; `handle` takes what belongs to the mode. */
  async answer(
    handle: (args: readonly string[], body: Uint8Array) => Promise<Answer>,
  ): Promise<void> {
    for (;;) {
      const { args, body } = await this.receive();
      const [type = ""] = args;
      if (type === "done") return;
      if (type === "error") {
        await this.send(["ok"]);
        throw new PluginError(this.name, textOf(body));
      }
      const isAnswered = await this.answerCommon(args, body);
      if (!isAnswered) await this.send((await handle(args, body)) ?? ["unsupported"]);
    }
  }

  private async answerCommon(
    [type, yes = "", no]: readonly string[],
    body: Uint8Array,
  ): Promise<boolean> {
    const text = `${this.name} plugin: ${textOf(body)}`;
    switch (type) {
      case "msg":
        this.host.warn(text);
        await this.send(["ok"]);
        return true;
      case "request-secret":
      case "request-public": {
        const answer = await this.ask(type, text);
        if (answer === undefined) await this.send(["fail"]);
        else await this.send(["ok"], Buffer.from(answer));
        return true;
      }
      case "confirm": {
        await this.send(await this.confirm(text, decodeLabel(yes), no && decodeLabel(no)));
        return true;
      }
      default:
        return false;
    }
  }

  /** A prompt that comes twice in one conversation means that the first answer was wrong. */
  private async ask(type: string, text: string): Promise<string | undefined> {
    const prompt = `${type} ${text}`;
    const known = this.asked.has(prompt) ? undefined : this.known.get(prompt);
    this.asked.add(prompt);
    const answer =
      known ??
      (await (type === "request-secret"
        ? this.host.promptSecret(`${text} `)
        : this.host.promptLine(`${text} `)));
    if (answer !== undefined) this.given.set(prompt, answer);
    return answer;
  }

  private async confirm(
    text: string,
    yes: string,
    no: string | undefined,
  ): Promise<readonly string[]> {
    if (no === undefined) {
      const key = await this.host.promptKey(
        `${text} (press enter for ${JSON.stringify(yes)}) `,
        "\r\n",
      );
      return key === undefined ? ["fail"] : ["ok", "yes"];
    }
    const key = await this.host.promptKey(`${text} [1] ${yes}, [2] ${no}: `, "12");
    if (key === undefined) return ["fail"];
    return ["ok", key === "1" ? "yes" : "no"];
  }

  private async receive(): Promise<Stanza> {
    const timer = setTimeout(() => {
      this.host.warn(`waiting on ${this.name} plugin...`);
    }, PATIENCE);
    try {
      return await this.readStanza();
    } finally {
      clearTimeout(timer);
    }
  }

  private async readStanza(): Promise<Stanza> {
    const head = await this.line();
    const [arrow, ...args] = head.split(" ");
    if (arrow !== "->" || args.length === 0 || args.includes("")) throw this.malformed();
    const lines: string[] = [];
    do lines.push(await this.line());
    while (lines.at(-1)?.length === 64);
    const text = lines.join("");
    const body = Buffer.from(text, "base64");
    if ((lines.at(-1)?.length ?? 0) > 64 || unpadded(body) !== text) throw this.malformed();
    return { args, body: new Uint8Array(body) };
  }

  private async line(): Promise<string> {
    const line = await this.lines.next();
    if (line === undefined) throw new PluginError(this.name, "it ended before it was done");
    return line;
  }

  private malformed(): PluginError {
    return new PluginError(this.name, "it answered with a malformed stanza");
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const decodeLabel = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");
