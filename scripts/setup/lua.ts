import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** Lua, which runs the health script for Argo CD. */
export const lua: Counterpart<"lua"> = {
  names: ["lua"],
  isReady: (paths) => isExecutable(paths.lua),
  make() {
    const [lua = ""] = fromDebian(["lua5.3"], ["lua5.3"], "Install Lua 5.3, then run again.");
    return { lua };
  },
};
