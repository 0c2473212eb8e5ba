/**
 * Encrypted files in Next.js: server components can import them, and a client component that does so fails the build.
 *
 * @module
 */
import { createRequire } from "node:module";
import { ENCRYPTED_MODULE } from "./encrypted-name.ts";

/** The part of Next's configuration that is changed. */
interface NextConfig {
  serverExternalPackages?: string[] | undefined;
  turbopack?: { rules?: Record<string, unknown> | undefined } | undefined;
  webpack?: ((config: Webpack, context: WebpackContext) => unknown) | null | undefined;
}

/** The part of webpack's. */
interface Webpack {
  readonly module: { readonly rules: unknown[] };
}

interface WebpackContext {
  readonly isServer: boolean;
}

const globs = ["*.enc.yaml", "*.enc.yml", "*.enc.json", "*.enc.env", "*.enc.ini", "*.env.enc"];

/**
 * The server's bundle gets the encrypted file, and the server needs the key when it starts.
 *
 * @param config your own configuration
 *
 * @example
 * // next.config.mjs
 * import { withSopsmith } from "sopsmith/next";
 * export default withSopsmith({});
 */
export function withSopsmith<Config extends object>(config: Config): Config {
  const given: NextConfig = config;
  const loader = createRequire(import.meta.url).resolve("sopsmith/next-loader");
  const rule = (isClient: boolean) => ({ loader, options: { isClient } });
  const rules = Object.fromEntries(
    globs.map((glob) => [
      glob,
      [
        { condition: "browser", loaders: [rule(true)], as: "*.js" },
        { condition: { not: "browser" }, loaders: [rule(false)], as: "*.js" },
      ],
    ]),
  );
  const changed: NextConfig = {
    serverExternalPackages: [...(given.serverExternalPackages ?? []), "sopsmith"],
    turbopack: { ...given.turbopack, rules: { ...given.turbopack?.rules, ...rules } },
    webpack(webpack, context) {
      const use = [rule(!context.isServer)];
      webpack.module.rules.push({ test: ENCRYPTED_MODULE, type: "javascript/auto", use });
      return given.webpack?.(webpack, context) ?? webpack;
    },
  };
  return { ...config, ...changed };
}
