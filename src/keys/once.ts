import type { Host } from "../io/host.ts";

/**
 * What is read, run or asked once for a host: a command over many files makes one host, so that it asks for a passphrase
 * once. Nothing is kept longer than the host is; a caller that wants key sources read anew makes a new one.
 */
export class Once<T> {
  private readonly hosts = new WeakMap<Host, Map<string, Promise<T>>>();

  /**
   * @param name of the thing; what depends on more than the host has that in its name
   * @returns what the first call's `make` gave, also to those who ask while it is still at work; a failure is kept too
   */
  get(host: Host, name: string, make: () => Promise<T>): Promise<T> {
    let known = this.hosts.get(host);
    if (known === undefined) this.hosts.set(host, (known = new Map()));
    let result = known.get(name);
    if (result === undefined) known.set(name, (result = make()));
    return result;
  }
}
