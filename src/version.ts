/** sopsmith's own version: what package.json says. */
export const version = "0.1.0";

/** The release of sops whose file format and command line this program follows; written to files as `version`. */
export const sopsVersion = "3.13.3";

/** What `--version` prints: scripts read the release of sops from the words in front. */
export const versionLine: string = `sops ${sopsVersion} (sopsmith ${version})`;
