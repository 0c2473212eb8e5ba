import { checkRows } from "../rows.ts";
import { rows } from "./destination-rules.rows.ts";

checkRows(rows);
