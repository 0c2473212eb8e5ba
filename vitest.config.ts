import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Many tests spawn the built command, real sops or servers on a machine with two cores. In CI a test that was starved
    // of time gets a second chance; a broken one fails twice.
    retry: process.env["CI"] === undefined ? 0 : 1,
    // Tests compare with what sops writes; those of kept layouts (test/layout) say so.
    env: { SOPSMITH_LAYOUT: "sops" },
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});

export default config;
