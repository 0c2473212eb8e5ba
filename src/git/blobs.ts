import { SopsmithError } from "../errors.ts";
import type { Channel, Host } from "../io/host.ts";
import { gitEnvironment, gitWords } from "./git.ts";

/** So many names are sent ahead: they fit into a pipe, so that neither side waits for the other. */
const AHEAD = 64;

/**
 * Contents of objects, through one `git cat-file --batch`, one at a time. Git ends with the iteration: who calls `next` by hand calls
 * `return` at the end.
 *
 * @param root the top directory of the work tree
 * @param objects names of blobs, in hexadecimal
 * @returns undefined for an object that is not there, or is no blob
 */
export async function* readBlobs(
  host: Host,
  root: string,
  objects: readonly string[],
): AsyncGenerator<Buffer | undefined, void> {
  if (objects.length === 0) return;
  const argv = ["git", ...gitWords, "-C", root, "cat-file", "--batch"];
  const channel = await host.spawn(argv, gitEnvironment(host.env));
  try {
    const reader = new Reader(channel);
    for (let first = 0; first < objects.length; first += AHEAD) {
      const names = objects.slice(first, first + AHEAD);
      await channel.send(names.map((name) => `${name}\n`).join(""));
      for (const _ of names) yield await reader.object();
    }
  } finally {
    await channel.close();
  }
}

class Reader {
  private readonly channel: Channel;
  private rest: Buffer = Buffer.alloc(0);

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** `<name> <type> <size>`, a line feed, the content, a line feed; or `<name> missing`. */
  async object(): Promise<Buffer | undefined> {
    let feed = this.rest.indexOf(0x0a);
    while (feed < 0) {
      await this.more();
      feed = this.rest.indexOf(0x0a);
    }
    const [, type, size] = this.rest.toString("latin1", 0, feed).split(" ");
    this.rest = this.rest.subarray(feed + 1);
    if (size === undefined) return undefined;
    const content = await this.take(Number(size) + 1);
    return type === "blob" ? content.subarray(0, -1) : undefined;
  }

  private async take(length: number): Promise<Buffer> {
    const parts = [this.rest];
    let has = this.rest.length;
    while (has < length) {
      const part = await this.channel.receive();
      if (part === undefined) throw ended();
      parts.push(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
      has += part.length;
    }
    const whole = parts.length === 1 ? this.rest : Buffer.concat(parts);
    this.rest = whole.subarray(length);
    return whole.subarray(0, length);
  }

  private async more(): Promise<void> {
    const part = await this.channel.receive();
    if (part === undefined) throw ended();
    this.rest = Buffer.concat([this.rest, part]);
  }
}

const ended = (): SopsmithError =>
  new SopsmithError("git-failed", 1, "git cat-file ended before it answered", {
    hint: "Run `git fsck`: the repository may be damaged.",
  });
