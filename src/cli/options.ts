import type { BoolFlag, Flag, IntFlag, ListFlag, TextFlag } from "./flags.ts";

/** The values of a command's flags. A flag that the command does not have reads as one that was not given. */
export class Options {
  private readonly texts = new Map<Flag, string>();
  private readonly lists = new Map<Flag, string[]>();

  /** @param text in the canonical form of args.ts */
  set(flag: Flag, text: string): void {
    if (flag.kind === "list") this.lists.set(flag, [...this.list(flag), text]);
    else this.texts.set(flag, text);
  }

  text(flag: TextFlag): string {
    return this.texts.get(flag) ?? "";
  }

  /** In the order given; empty when not given. */
  list(flag: ListFlag): readonly string[] {
    return this.lists.get(flag) ?? [];
  }

  on(flag: BoolFlag): boolean {
    const text = this.texts.get(flag);
    return text === undefined ? flag.on === true : text === "true";
  }

  /** Undefined when not given: 0 may mean something else. */
  count(flag: IntFlag): number | undefined {
    const text = this.texts.get(flag);
    return text === undefined ? undefined : Number(text);
  }
}
