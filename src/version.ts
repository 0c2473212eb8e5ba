/** sopsmith's own version: what package.json says. */
export const VERSION = "0.1.0";

/** The release of sops whose file format and command line this program follows; written to files as `version`. */
export const SOPS_VERSION = "3.13.3";

/** What `--version` prints: scripts read the release of sops from the words in front. */
export const versionLine: string = `sops ${SOPS_VERSION} (sopsmith ${VERSION})`;
