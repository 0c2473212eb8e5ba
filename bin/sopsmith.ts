// The first file that Node reads: no static import but of what is bundled into it, and no syntax younger than ES2017, so
// that an old Node gets as far as the message below instead of dying of a SyntaxError.
import { accountHome, useCompileCache } from "./compile-cache.ts";

const version = process.version;
const [major, minor, patch] = version
  .slice(1)
  .split(".")
  .map((part) => parseInt(part, 10)) as [number, number, number];

/** The range in package.json's `engines`: ^22.22.2 || ^24.15.0 || >=26. */
const isSupported =
  major >= 26 ||
  (major === 24 && minor >= 15) ||
  (major === 22 && (minor > 22 || (minor === 22 && patch >= 2)));

if (isSupported) {
  // Node answers SIGUSR1 by opening its debugger, to every user of the machine. Once a listener has come and gone, the
  // signal has the system's meaning again, which is to end the program.
  const listener = () => {};
  process.on("SIGUSR1", listener).off("SIGUSR1", listener);
  useCompileCache(accountHome());
  void import("../src/cli/main.ts")
    .then((cli) => cli.main())
    .then(() => {
      // Nothing is left to do, and taking Node apart would take longer than leaving it. On Windows pipes are written later.
      if (process.platform !== "win32") process.exit();
    });
} else {
  process.stderr.write(
    "sopsmith needs Node.js ^22.22.2 || ^24.15.0 || >=26; this is " +
      version +
      " (" +
      process.execPath +
      "). Install one of those, or the executable that needs no Node.js: " +
      "https://github.com/sopsmith/sopsmith/blob/main/docs/install.md\n",
  );
  process.exitCode = 1;
}
