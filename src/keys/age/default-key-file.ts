import { SopsmithError } from "../../errors.ts";
import type { Host } from "../../io/host.ts";

/** The environment does not tell where the user's configuration is. Exit 1. */
export class NoDefaultKeyFile extends SopsmithError {
  constructor(reason: string) {
    super("no-default-key-file", 1, `user config directory could not be determined: ${reason}`, {
      hint: "Name a file with -o, and put its path in SOPS_AGE_KEY_FILE.",
    });
  }
}

/**
 * The identity file that is read without being named, in the user's configuration folder (spec keys 2.3).
 *
 * @throws {NoDefaultKeyFile}
 */
export function defaultKeyFile({ env, platform }: Pick<Host, "env" | "platform">): string {
  if (platform === "win32") {
    const folder = env["AppData"] ?? env["APPDATA"];
    if (!folder) throw new NoDefaultKeyFile("%AppData% is not defined");
    return `${folder.replace(/[\\/]+$/, "")}\\sops\\age\\keys.txt`;
  }
  const isMac = platform === "darwin";
  const configHome = env["XDG_CONFIG_HOME"];
  // On macOS sops takes the variable as it is.
  if (configHome && !isMac && !configHome.startsWith("/")) {
    throw new NoDefaultKeyFile("path in $XDG_CONFIG_HOME is relative");
  }
  const home = env["HOME"];
  if (!configHome && !home) {
    throw new NoDefaultKeyFile(
      isMac ? "$HOME is not defined" : "neither $XDG_CONFIG_HOME nor $HOME are defined",
    );
  }
  const folder = configHome || `${home}/${isMac ? "Library/Application Support" : ".config"}`;
  return `${folder.replaceAll(/\/+/g, "/").replace(/\/$/, "")}/sops/age/keys.txt`;
}
