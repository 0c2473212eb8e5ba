import { rows } from "./further.rows.ts";
import { checkRows } from "./rows.ts";

checkRows(rows);
