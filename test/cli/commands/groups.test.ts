import { checkRows } from "../rows.ts";
import { rows } from "./groups.rows.ts";

checkRows(rows);
