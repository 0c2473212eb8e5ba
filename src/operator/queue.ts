/** Timers, so that tests can stand in for the clock. */
export interface Timers {
  after(milliseconds: number, run: () => void): () => void;
}

export const realTimers: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(milliseconds, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** What a pass over one key asks for: again after so many milliseconds, or not by time. */
export type Again = number | undefined;

/** What just changed goes before what is looked at as a matter of routine, such as everything after a start. */
export type Urgency = "soon" | "routine";

/**
 * Keys waiting for work. A key is never worked on twice at a time, and stands in the queue once however often it is added.
 */
export class WorkQueue {
  private readonly work: (key: string) => Promise<Again>;
  private readonly workers: number;
  private readonly timers: Timers;
  private readonly waiting = { soon: new Set<string>(), routine: new Set<string>() };
  private readonly running = new Set<string>();
  /** Added while running: goes again, if that is still needed then. */
  private readonly dirty = new Map<string, () => boolean>();
  private readonly later = new Map<string, () => void>();
  private isStopped = false;
  private idle: (() => void)[] = [];

  /** @param work must not throw */
  constructor(work: (key: string) => Promise<Again>, workers: number, timers: Timers = realTimers) {
    this.work = work;
    this.workers = workers;
    this.timers = timers;
  }

  get depth(): number {
    return this.waiting.soon.size + this.waiting.routine.size;
  }

  /** @param isNeeded asked of a key that is being worked on, when that has ended */
  add(key: string, urgency: Urgency = "soon", isNeeded: () => boolean = () => true): void {
    if (this.isStopped) return;
    this.later.get(key)?.();
    this.later.delete(key);
    const { soon, routine } = this.waiting;
    if (this.running.has(key)) {
      const before = this.dirty.get(key);
      this.dirty.set(key, () => before?.() === true || isNeeded());
    } else if (urgency === "soon") {
      routine.delete(key);
      soon.add(key);
    } else if (!soon.has(key)) routine.add(key);
    this.pump();
  }

  addAfter(key: string, milliseconds: number): void {
    if (this.isStopped) return;
    this.later.get(key)?.();
    this.later.set(
      key,
      this.timers.after(milliseconds, () => {
        this.later.delete(key);
        this.add(key, "routine");
      }),
    );
  }

  /** Takes no more work; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const cancel of this.later.values()) cancel();
    this.later.clear();
    this.waiting.soon.clear();
    this.waiting.routine.clear();
    await this.drained();
  }

  /** Resolves when nothing waits or runs; what is only due later does not count. */
  async drained(): Promise<void> {
    if (this.depth === 0 && this.running.size === 0) return;
    await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private pump(): void {
    for (const keys of [this.waiting.soon, this.waiting.routine])
      for (const key of keys) {
        if (this.running.size >= this.workers) break;
        keys.delete(key);
        this.running.add(key);
        void this.runOne(key);
      }
    if (this.depth > 0 || this.running.size > 0) return;
    const { idle } = this;
    this.idle = [];
    for (const resolve of idle) resolve();
  }

  private async runOne(key: string): Promise<void> {
    const again = await this.work(key);
    this.running.delete(key);
    const isNeeded = this.dirty.get(key);
    this.dirty.delete(key);
    if (isNeeded?.() === true) this.add(key);
    else if (again !== undefined) this.addAfter(key, again);
    this.pump();
  }
}

/** 5 s, doubling, ±10 %, up to a cap (spec kubernetes 4.3). */
export function backOff(failures: number, capMs: number, random: () => number): number {
  const base = Math.min(5000 * 2 ** Math.min(failures - 1, 20), capMs);
  return base * (0.9 + 0.2 * random());
}
