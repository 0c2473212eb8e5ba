export { readPlain } from "./layout/plain-text.ts";
export { readSealed } from "./layout/sealed-text.ts";
