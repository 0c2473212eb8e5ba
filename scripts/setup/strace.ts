import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** strace, which shows what a program writes, and where. Linux only. */
export const strace: Counterpart<"strace"> = {
  names: ["strace"],
  isReady: (paths) => isExecutable(paths.strace),
  make() {
    const [path = ""] = fromDebian(["strace"], ["strace"], "Install strace, then run again.");
    return { strace: path };
  },
};
