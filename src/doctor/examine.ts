import { formatForPath, loadFormat } from "../../formats/index.ts";
import { RulesInForce } from "../check/rules-in-force.ts";
import { loadConfig } from "../config/loaded-config.ts";
import { SopsmithError } from "../errors.ts";
import { parseSealed } from "../file.ts";
import { namedFile, type Host } from "../io/host.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import type { KeyService } from "../key-service/key-service.ts";
import type { MasterKey } from "../keys/provider.ts";
import { sealedFormat } from "../status.ts";
import type { Configuration, File, Finding, Patient } from "./finding.ts";
import { checks } from "./index.ts";

export interface ExamineOptions {
  /** The file that is asked about. */
  readonly file: { readonly shown: string; readonly path: string } | undefined;
  /** The path of `--config`; "" for none. */
  readonly config: string;
  readonly services: readonly KeyService[];
  readonly mayUseNetwork: boolean;
}

/** Runs every check. What is wrong becomes a finding, never an error. */
export async function examine(options: ExamineOptions, host: Host): Promise<readonly Finding[]> {
  const file = options.file && (await readFile(options.file, host));
  const config = await readConfiguration(options.config, host);
  const keys: MasterKey[] = [...(file?.metadata?.keyGroups.flat() ?? [])];
  for (const source of config.loaded?.content.creationRules ?? []) {
    const rule = await config.rules?.of(source)?.load();
    for (const key of rule?.keyGroups.flat() ?? []) keys.push(key);
  }
  const { services, mayUseNetwork } = options;
  const patient: Patient = { host, file, config, services, mayUseNetwork, keys };
  const findings: Finding[] = [];
  // One after the other: several may ask for the same passphrase.
  for (const check of checks) for (const finding of await check(patient)) findings.push(finding);
  return findings;
}

async function readFile(
  { shown, path }: { shown: string; path: string },
  host: Host,
): Promise<File> {
  let content: Uint8Array;
  try {
    content = await host.readFile(path, namedFile);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    const message = `cannot read ${shown}: ${systemReason(error)}`;
    const unreadable = new SopsmithError("unreadable", 2, message, { cause: error });
    return {
      shown,
      path,
      content: undefined,
      format: undefined,
      metadata: undefined,
      error: unreadable,
    };
  }
  const format = await sealedFormat(content, formatForPath(path));
  const known = { shown, path, content, format };
  if (format === undefined) return { ...known, metadata: undefined, error: undefined };
  try {
    const options = { file: shown, format: await loadFormat(format), warn: () => undefined };
    return { ...known, metadata: parseSealed(content, options).metadata, error: undefined };
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return { ...known, metadata: undefined, error };
  }
}

async function readConfiguration(explicit: string, host: Host): Promise<Configuration> {
  const warnings: string[] = [];
  const why =
    explicit === ""
      ? "the nearest at or above the working directory"
      : "named by --config or SOPS_CONFIG";
  try {
    const loaded = await loadConfig(explicit, host, (message) => warnings.push(message));
    if (loaded === undefined)
      return {
        why: "there is no .sops.yaml here or in a directory above",
        loaded,
        rules: undefined,
        error: undefined,
        warnings,
      };
    const rules = await RulesInForce.of(loaded.content, host);
    return { why, loaded, rules, error: undefined, warnings };
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return { why, loaded: undefined, rules: undefined, error, warnings };
  }
}
