/** Changes, one at a time: those that come while one is worked on count as one more. */
export class Changes {
  /** Ends the watch. */
  readonly end: () => void;
  private isPending = false;
  private wake: (() => void) | undefined;
  private waiting: Promise<"changed"> | undefined;

  /** @param watch calls back on every change, until what it returns is called */
  constructor(watch: (onChange: () => void) => () => void) {
    this.end = watch(() => {
      this.isPending = true;
      this.wake?.();
    });
  }

  /** Waits for the next change; while it is not there, every call gives the same promise. */
  next(): Promise<"changed"> {
    this.waiting ??= new Promise<void>((resolve) => {
      this.wake = resolve;
      if (this.isPending) resolve();
    }).then(() => {
      this.isPending = false;
      this.waiting = undefined;
      return "changed" as const;
    });
    return this.waiting;
  }
}
