/**
 * Whether tests that need root run: other users leave them out, but in CI they fail there, since nothing may be left out
 * without a word.
 */
export const runsAsRoot = process.getuid?.() === 0 || process.env["CI"] === "true";
