import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
/** Temporary directories are no homes: everybody may write beside them. */
const base = realpathSync(join(root, ".cache"));

function isClosed(path: string): boolean {
  const { uid, mode } = statSync(path);
  const isHere = (uid === 0 || uid === process.geteuid?.()) && (mode & 0o022) === 0;
  return isHere && (dirname(path) === path || isClosed(dirname(path)));
}

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(base, "home-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Where Node keeps compiled code after the call; "" for nowhere. */
function cacheIn(path: string | undefined, env: Record<string, string> = {}): string {
  const file = pathToFileURL(join(root, "bin/compile-cache.ts")).href;
  const code = `import(${JSON.stringify(file)}).then(({ useCompileCache }) => {
    useCompileCache(${JSON.stringify(path)});
    process.stdout.write(require("node:module").getCompileCacheDir() ?? "");
  });`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", code], {
    encoding: "utf8",
    env: { HOME: "/nonexistent", ...env },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

// Where the checkout itself lies in a directory of several users there is no safe home to make.
describe.skipIf(process.platform === "win32" || !isClosed(base))(
  "the cache of compiled code",
  () => {
    const folder = () => join(home, ".cache/sopsmith");

    test("lies in the home directory, in a folder of the user's own", () => {
      expect(dirname(cacheIn(home))).toBe(folder());
      expect(statSync(folder()).mode & 0o777).toBe(0o700);
      expect(dirname(cacheIn(home))).toBe(folder());
    });

    test.each<[string, () => void]>([
      ["others can write to the home directory", () => chmodSync(home, 0o757)],
      ["a group can write to the home directory", () => chmodSync(home, 0o775)],
      ["others can write to .cache", () => chmodSync(join(home, ".cache"), 0o777)],
      ["a group can write to the folder", () => chmodSync(folder(), 0o770)],
      [
        "the folder is a link",
        () => {
          rmSync(folder(), { recursive: true });
          mkdirSync(join(home, "elsewhere"));
          symlinkSync(join(home, "elsewhere"), folder());
        },
      ],
      [
        ".cache is no directory",
        () => {
          rmSync(join(home, ".cache"), { recursive: true });
          symlinkSync("/dev/null", join(home, ".cache"));
        },
      ],
    ])("is neither read nor written where %s", (_, make) => {
      expect(cacheIn(home)).not.toBe("");
      make();
      expect(cacheIn(home)).toBe("");
    });

    test.skipIf(process.geteuid?.() !== 0)(
      "is neither read nor written where another user owns it",
      () => {
        for (const path of [folder(), join(home, ".cache"), home]) {
          expect(cacheIn(home)).not.toBe("");
          const { uid, gid } = lstatSync(path);
          chownSync(path, 1, 1);
          expect(cacheIn(home)).toBe("");
          chownSync(path, uid, gid);
        }
      },
    );

    test("is off where the user database has no home directory, or a missing one", () => {
      const missing = join(home, "missing");
      for (const path of [undefined, "", "relative", missing, "/proc"])
        expect(cacheIn(path)).toBe("");
      expect(existsSync(missing)).toBe(false);
    });

    test("is off with NODE_DISABLE_COMPILE_CACHE", () => {
      expect(cacheIn(home, { NODE_DISABLE_COMPILE_CACHE: "1" })).toBe("");
    });
  },
);
