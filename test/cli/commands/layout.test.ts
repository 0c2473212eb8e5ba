import { checkRows } from "../rows.ts";
import { rows } from "./layout.rows.ts";

checkRows(rows);
