import { checkRows } from "../rows.ts";
import { rows } from "./rotate.rows.ts";

checkRows(rows);
