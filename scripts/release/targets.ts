/** The executables of a release by platform, in what Bun and its npm packages call each. */
export const targets = {
  "linux-x64": { bun: "bun-linux-x64", runtime: "@oven/bun-linux-x64" },
  "linux-arm64": { bun: "bun-linux-arm64", runtime: "@oven/bun-linux-aarch64" },
  "linux-x64-musl": { bun: "bun-linux-x64-musl", runtime: "@oven/bun-linux-x64-musl" },
  "linux-arm64-musl": { bun: "bun-linux-arm64-musl", runtime: "@oven/bun-linux-aarch64-musl" },
  "macos-arm64": { bun: "bun-darwin-arm64", runtime: "@oven/bun-darwin-aarch64" },
  "macos-x64": { bun: "bun-darwin-x64", runtime: "@oven/bun-darwin-x64" },
  "windows-x64": { bun: "bun-windows-x64", runtime: "@oven/bun-windows-x64" },
} as const;
