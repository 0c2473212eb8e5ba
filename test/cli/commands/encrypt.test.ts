import { checkRows } from "../rows.ts";
import { rows } from "./encrypt.rows.ts";

checkRows(rows);
