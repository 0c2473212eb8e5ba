import { fromDebian, isExecutable, type Counterpart } from "./counterpart.ts";

/** Debian's gpg, with gpgconf to end the agents that it starts. */
export const gpg: Counterpart<"gpg" | "gpgconf"> = {
  names: ["gpg", "gpgconf"],
  isReady: (paths) => isExecutable(paths.gpg) && isExecutable(paths.gpgconf),
  make() {
    const [gpg = "", gpgconf = ""] = fromDebian(
      ["gnupg"],
      ["gpg", "gpgconf"],
      "Install GnuPG (macOS: brew install gnupg), then run again.",
    );
    return { gpg, gpgconf };
  },
};
