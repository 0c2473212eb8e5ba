import { age } from "./age.ts";
import { sops } from "./sops.ts";

/** Every program that tests and benchmarks compare with. A new one is a file of this folder and a line here. */
export const counterparts = [sops, age] as const;

export type CounterpartName = (typeof counterparts)[number]["names"][number];
