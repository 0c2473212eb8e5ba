import type { Streams } from "./command.ts";

/**
 * One line on the terminal that says how far the work is. It is drawn over in place, and taken away while something else is
 * written or asked. Nothing is shown where stderr is no terminal.
 */
export class Progress {
  private readonly terminal: Streams;
  private readonly total: number;
  private done = 0;
  private hidden = 0;
  private drawn = "";

  constructor(streams: Streams, total: number) {
    this.terminal = streams;
    this.total = total;
    this.draw();
  }

  /** stderr for others: the bar makes way for what they write. */
  get streams(): Streams {
    const { writeStdout, writeStderr, askYesNo } = this.terminal;
    return {
      ...this.terminal,
      writeStdout: (chunks) => this.without(() => writeStdout(chunks)),
      writeStderr: (text) => {
        this.clear();
        writeStderr(text);
        this.draw();
      },
      askYesNo: (question) => this.without(() => askYesNo(question)),
    };
  }

  /** Keeps the bar away while `work` has the terminal. */
  async without<T>(work: () => Promise<T>): Promise<T> {
    this.hidden++;
    this.clear();
    try {
      return await work();
    } finally {
      this.hidden--;
      this.draw();
    }
  }

  advance(): void {
    this.done++;
    this.draw();
  }

  end(): void {
    this.clear();
    this.hidden++;
  }

  private draw(): void {
    if (!this.terminal.isTerminal || this.hidden > 0 || this.total < 2) return;
    const width = 30;
    const filled = Math.floor((width * this.done) / this.total);
    const line = `[${"#".repeat(filled)}${"-".repeat(width - filled)}] ${this.done}/${this.total}`;
    // Writing to a terminal takes longer than a small file: only what shows is written.
    if (line === this.drawn) return;
    const isFar = this.done % Math.ceil(this.total / 100) !== 0 && this.done !== this.total;
    if (this.drawn !== "" && isFar) return;
    this.drawn = line;
    this.terminal.writeStderr(`\r\u001b[K${line}`);
  }

  private clear(): void {
    if (this.drawn === "") return;
    this.drawn = "";
    this.terminal.writeStderr("\r\u001b[K");
  }
}
