import { versionLine } from "../version.ts";
import type { Check } from "./finding.ts";

/** Which program runs, on what. That the version of Node will do was checked before anything else ran. */
export const checkProgram: Check = ({ host }) => {
  const { bun } = process.versions;
  const runtime = bun === undefined ? `Node ${process.versions.node}` : `Bun ${bun}`;
  return Promise.resolve([
    {
      name: "program",
      state: "ok",
      text: `${versionLine}, ${runtime}, ${host.platform} ${process.arch}`,
    },
  ]);
};
