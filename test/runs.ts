/** How often a random test runs: as often as it says in `npm test`, a tenth of that in `npm run test:unit`, which is for while one works. */
export const runs = (all: number): number =>
  process.env["SOPSMITH_TEST_LANE"] === "unit" ? Math.ceil(all / 10) : all;
