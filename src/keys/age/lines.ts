import type { Channel } from "../../io/host.ts";

/** No line of the protocols spoken here is longer. */
const LONGEST = 1 << 20;

/** What the other side of a channel says, line by line. */
export class Lines {
  private readonly channel: Channel;
  private held = Buffer.alloc(0);

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /**
   * @returns the next line without its LF, bytes as Latin-1; undefined at the end, where an unfinished line is dropped
   * @throws {Error} for a line beyond all bounds
   */
  async next(): Promise<string | undefined> {
    for (;;) {
      const at = this.held.indexOf(0x0a);
      if (at >= 0) {
        const line = this.held.toString("latin1", 0, at);
        this.held = this.held.subarray(at + 1);
        return line;
      }
      if (this.held.length > LONGEST) throw new Error("a line is too long");
      const more = await this.channel.receive();
      if (more === undefined) return undefined;
      this.held = Buffer.concat([this.held, more]);
    }
  }
}
