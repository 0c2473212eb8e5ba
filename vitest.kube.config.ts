import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

/** Tests against a real API server (npm run test:kube). */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/kube/**/*.kube.ts"],
    // As in vitest.config.ts.
    retry: process.env["CI"] === undefined ? 0 : 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});

export default config;
