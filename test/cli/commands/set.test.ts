import { setTimeout as sleep } from "node:timers/promises";
import { checkRows } from "../rows.ts";
import { rows } from "./set.rows.ts";

checkRows(rows);

// `lastmodified` counts seconds: what is written from here on has another than the samples.
await sleep(1000);
