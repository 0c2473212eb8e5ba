const PERIOD_MS = 1000;

/** How late this process's timers are: what probes see of a blocked event loop. */
export class EventLoopLag {
  /** Of the last second. */
  milliseconds = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  start(): void {
    let last = performance.now();
    this.timer = setInterval(() => {
      const now = performance.now();
      this.milliseconds = now - last - PERIOD_MS;
      last = now;
    }, PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
