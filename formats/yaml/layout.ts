export { readPlain } from "./layout/plain-text.ts";
export { readBack, readSealed } from "./layout/sealed-text.ts";
