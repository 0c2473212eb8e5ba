import { checkRows } from "../rows.ts";
import { rows } from "./configuration.rows.ts";

checkRows(rows);
