import { checkRows } from "../rows.ts";
import { rows } from "./unset.rows.ts";

checkRows(rows);
