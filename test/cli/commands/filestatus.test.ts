import { checkRows } from "../rows.ts";
import { rows } from "./filestatus.rows.ts";

checkRows(rows);
