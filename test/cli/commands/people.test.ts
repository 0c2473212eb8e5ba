import { checkRows } from "../rows.ts";
import { rows } from "./people.rows.ts";

checkRows(rows);
