import { versionLine } from "../../src/version.ts";
import type { Row } from "./rows.ts";

const noProxyThere = { HTTPS_PROXY: "http://127.0.0.1:9" };
export const rows: readonly Row[] = [
  {
    line: "--version --check-for-updates",
    env: noProxyThere,
    stdout:
      /^sops 3\.13\.3 \(sopsmith [\d.]+\)\n\[warning\] failed to retrieve latest version from upstream: connection refused\n$/,
  },
  { line: "--version", env: noProxyThere, stdout: `${versionLine}\n` },
];
