/**
 * The project's address on the web. It is not published yet, so this is a guess. Every other file that names it must agree
 * (test/house.test.ts).
 */
export const PROJECT_URI: string = "https://github.com/sopsmith/sopsmith";
