import { readText } from "../tree/typed-fields.ts";
import { provider } from "./index.ts";
import type { MasterKey } from "./provider.ts";

/** A master key that has been in use for longer than its type advises. */
export interface DueKey {
  readonly id: string;
  /** When it was put into the file, RFC 3339. */
  readonly since: string;
  /** The age in days from which on it is due. */
  readonly days: number;
}

/** The keys that are due for rotation: older than their type allows (spec keys section 10). */
export function keysDueForRotation(keys: readonly MasterKey[], now: Date): DueKey[] {
  return keys.flatMap(({ type, id, fields }) => {
    const { rotationDays: days } = provider(type);
    if (days === undefined) return [];
    const since = readText(fields, "created_at");
    const age = now.getTime() - Date.parse(since);
    return age > days * 24 * 60 * 60 * 1000 ? [{ id, since, days }] : [];
  });
}
