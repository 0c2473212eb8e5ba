import type { Manifest } from "../k8s/manifest.ts";

/** The name of a manifest's Terraform resource: kind, namespace unless it is the default one, name (spec terraform 1.3). */
export function labelOf({ kind, namespace, name, generateName }: Manifest): string {
  const called = name === "" ? generateName.replace(/-$/, "") : name;
  const parts = [kind, ...(namespace === "" || namespace === "default" ? [] : [namespace]), called];
  const label = parts
    .join("_")
    .replaceAll(/[^0-9A-Za-z_]/gu, "_")
    .toLowerCase();
  return /^[0-9]/.test(label) ? `_${label}` : label;
}

/** Hands out labels; one that is taken gets the first free number behind it. */
export class Labels {
  private readonly taken = new Set<string>();

  /** @returns the label to use, and whether the wanted one was taken */
  take(wanted: string): { label: string; isClash: boolean } {
    let label = wanted;
    for (let n = 2; this.taken.has(label); n++) label = `${wanted}_${n}`;
    this.taken.add(label);
    return { label, isClash: label !== wanted };
  }
}
