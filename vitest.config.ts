import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Many tests spawn the built command or real sops on a machine with two cores.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
