import { checkRows } from "../rows.ts";
import { rows } from "./every-flag.rows.ts";

checkRows(rows);
