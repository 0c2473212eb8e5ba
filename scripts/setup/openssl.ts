import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** openssl, which makes the certificates of servers in tests. */
export const openssl: Counterpart<"openssl"> = {
  names: ["openssl"],
  isReady: (paths) => isExecutable(paths.openssl),
  make() {
    const [openssl = ""] = fromDebian(["openssl"], ["openssl"], "Install openssl, then run again.");
    return { openssl };
  },
};
