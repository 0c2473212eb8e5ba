import { checkRows } from "../rows.ts";
import { rows } from "./legacy.rows.ts";

checkRows(rows);
