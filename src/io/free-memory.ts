/** Where the runtime is Bun. */
declare const Bun: { gc(isSynchronous: boolean): void } | undefined;

/**
 * See `Host.freeMemory`. Undefined in Node, which collects young garbage often enough: Bun lets its heap double before it looks.
 */
export const freeMemory: (() => void) | undefined =
  typeof Bun === "undefined" ? undefined : () => Bun.gc(true);
