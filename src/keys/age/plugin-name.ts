/**
 * A plugin's name, which becomes a part of a program's.
 *
 * @returns undefined for text that no plugin may be called
 */
export function pluginName(text: string): string | undefined {
  return /^[a-z0-9+._-]+$/.test(text) ? text : undefined;
}
