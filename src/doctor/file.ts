import { formatForPath, loadFormat } from "../../formats/index.ts";
import { advice, type KeyFailure } from "../data-key/failure-report.ts";
import { DataKeyError } from "../data-key/recover.ts";
import { SopsmithError } from "../errors.ts";
import { open } from "../file.ts";
import type { Host } from "../io/host.ts";
import type { KeyService } from "../key-service/key-service.ts";
import { provider } from "../keys/index.ts";
import { UnwrapError, type MasterKey } from "../keys/provider.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { isOlderVersion } from "../metadata/version.ts";
import { KeyNames, namesInConfig } from "../people/names.ts";
import { seeming } from "../status.ts";
import { keyDifference } from "../update-keys.ts";
import { SOPS_VERSION } from "../version.ts";
import { heldBy, reference } from "./age-keys.ts";
import { ranks, type Check, type File, type Finding, type Patient } from "./finding.ts";

const NAME = "file";

/** Whether the file that is asked about opens: with which key, or why not. */
export const checkFile: Check = async (patient) => {
  const { file } = patient;
  if (file === undefined) return [];
  const { shown, content, metadata, format, error } = file;
  if (content === undefined) {
    const text = error?.message ?? `${shown} cannot be read`;
    const reason = text.replace(/^.*: /, "");
    const todo = reason.includes("directory")
      ? reason.startsWith("is")
        ? `Name a file: ${shown} is a directory.`
        : `Check the name ${shown}: ${reason}.`
      : `Check the permissions of ${shown}: ${reason}.`;
    return [{ name: NAME, state: "problem", text, todo, rank: ranks.fileUnreadable }];
  }
  if (format === undefined || metadata === undefined) return [unread(file, content)];
  const asked = await askAll(metadata, patient);
  try {
    return [
      await opens(file, content, asked, patient),
      ...nameOf(file),
      ...versionOf(file, metadata),
      ...(await recipients(asked, patient)),
      ...(await ruleKeys(file, metadata, patient)),
    ];
  } finally {
    for (const { part } of asked.values()) part?.fill(0);
  }
};

/** A file without metadata that could be read. */
function unread({ shown, path, format, error }: File, content: Uint8Array): Finding {
  const text = Buffer.from(content).toString("latin1");
  const start = text.search(/^<{7} /m);
  if (start >= 0 && /^>{7} /m.test(text.slice(start))) {
    const line = text.slice(0, start).split("\n").length;
    return {
      name: NAME,
      state: "problem",
      text: `${shown}:${line}: conflict markers of an unfinished merge`,
      todo: `First resolve the merge conflict on line ${line} of ${shown}: \`sopsmith mergetool ${shown}\`.`,
      rank: ranks.fileBroken,
    };
  }
  if (format !== undefined) {
    const [message = ""] = (error?.message ?? `${shown} cannot be read`).split("\n");
    return {
      name: NAME,
      state: "problem",
      text: message,
      todo: `${error?.hint ?? `Restore ${shown} from version control, or fix it.`} (${shown}: ${message})`,
      rank: ranks.fileBroken,
    };
  }
  const byName = formatForPath(path);
  const other = seeming(content, byName);
  if (other !== undefined)
    return {
      name: NAME,
      state: "problem",
      text: `${shown} looks like an encrypted ${other} file, but its name says ${byName}`,
      todo: `Add \`--input-type ${other} --output-type ${other}\` for ${shown}, or rename it: it looks like ${other}, but its name says ${byName}.`,
      rank: ranks.fileFormat,
    };
  if (content.length === 0 || /^"?sops"?\s*:/m.test(text)) {
    const what = content.length === 0 ? "is empty" : "has an incomplete `sops` block";
    return {
      name: NAME,
      state: "problem",
      text: `${shown} ${what}`,
      todo: `Restore ${shown} from version control: it ${what}.`,
      rank: ranks.fileBroken,
    };
  }
  return {
    name: NAME,
    state: "problem",
    text: `${shown} is not encrypted`,
    todo: `Encrypt ${shown} with \`sopsmith encrypt -i ${shown}\`: it is not encrypted.`,
    rank: ranks.fileFormat,
  };
}

/** What a key gave: a part, reasons, or neither where it was not asked. */
interface Asked {
  readonly key: MasterKey;
  readonly part?: Uint8Array;
  readonly errors: readonly UnwrapError[];
  readonly wasAsked: boolean;
}

async function askAll(
  { keyGroups }: Metadata,
  { host, services, mayUseNetwork }: Patient,
): Promise<Map<MasterKey, Asked>> {
  const quiet: Host = { ...host, warn: () => undefined, inform: undefined };
  const asked = new Map<MasterKey, Asked>();
  for (const key of keyGroups.flat()) {
    const willing = services.filter(
      (service) =>
        mayUseNetwork ||
        (service.name === "local"
          ? !provider(key.type).isRemote
          : service.name.startsWith("unix:")),
    );
    const errors: UnwrapError[] = [];
    let part: Uint8Array | undefined;
    for (const service of willing) {
      try {
        part = await service.unwrap(key, quiet, AbortSignal.timeout(ASK_LIMIT));
        break;
      } catch (error) {
        if (!(error instanceof UnwrapError)) throw error;
        errors.push(error);
      }
    }
    asked.set(key, {
      key,
      ...(part === undefined ? {} : { part }),
      errors,
      wasAsked: willing.length > 0,
    });
  }
  return asked;
}

/** How long a key that is used over the network may take, in milliseconds. */
const ASK_LIMIT = 15_000;

/** Opens the file with what the keys gave, so that nobody is asked twice. */
async function opens(
  { shown, format: formatName, metadata }: File,
  content: Uint8Array,
  asked: ReadonlyMap<MasterKey, Asked>,
  patient: Patient,
): Promise<Finding> {
  const { host } = patient;
  const groups = metadata?.keyGroups ?? [];
  const parts = new Map([...asked.values()].map(({ key, part }) => [key.enc ?? "", part]));
  const known: KeyService = {
    name: "known",
    wrap: () => Promise.reject(new UnwrapError("not asked", { failure: "unusable", remedy: "" })),
    unwrap(key) {
      const part = parts.get(key.enc ?? "");
      return part === undefined
        ? Promise.reject(new UnwrapError("not opened", { failure: "missing", remedy: "" }))
        : Promise.resolve(part.slice());
    },
  };
  const format = await loadFormat(formatName ?? "yaml");
  try {
    const { dataKey } = await open(
      content,
      {
        file: shown,
        format,
        order: [],
        services: [known],
        ignoreMac: false,
        remember: false,
        layout: "keep",
        warn: () => undefined,
      },
      host,
    );
    dataKey.fill(0);
    return {
      name: NAME,
      state: "ok",
      text: `${shown} opens; every value decrypts and the MAC is correct`,
    };
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    if (error instanceof DataKeyError)
      return closed(shown, groups, metadata, asked, await namesOf(patient));
    return {
      name: "MAC",
      state: "problem",
      text: error.message.replace(/^Error decrypting tree: Error walking tree: /, ""),
      todo: `Restore ${shown} from version control: it was changed without the data key (${error.path === undefined ? "its MAC does not match its values" : `at ${error.path}`}).`,
      rank: ranks.mac,
    };
  }
}

function closed(
  shown: string,
  groups: readonly (readonly MasterKey[])[],
  metadata: Metadata | undefined,
  asked: ReadonlyMap<MasterKey, Asked>,
  names: KeyNames,
): Finding {
  const opened = groups.filter((group) => group.some((key) => asked.get(key)?.part !== undefined));
  const needed = Math.max(metadata?.shamirThreshold ?? 0, 1);
  const count =
    groups.length > 1
      ? `; ${opened.length} of ${groups.length} key groups open, ${needed} are needed`
      : "";
  const left = groups.filter((group) => !opened.includes(group)).flat();
  const failures: KeyFailure[] = left.flatMap((key) => {
    const { errors, wasAsked } = asked.get(key) ?? { errors: [], wasAsked: false };
    return wasAsked ? [{ key, errors: [...errors] }] : [];
  });
  const silent = left.filter((key) => asked.get(key)?.wasAsked !== true);
  if (silent.length > 0)
    return {
      name: NAME,
      state: "unused",
      text: `${shown} does not open with the keys on this machine${count}; ${silent.length === 1 ? "1 key" : `${silent.length} keys`} of ${labels(silent)} could not be tried without the network`,
      todo: `Run \`sopsmith doctor --network ${shown}\` to try ${labels(silent)} too: no key on this machine opens ${shown}.`,
    };
  const remedy = names.inText(advice(failures));
  return {
    name: NAME,
    state: "problem",
    text: `${shown} does not open with the keys that were found${count}`,
    todo: remedy.endsWith(".") ? remedy : `To open ${shown}, ${remedy}${count}.`,
    rank: ranks.fileKey,
  };
}

const labels = (keys: readonly MasterKey[]): string =>
  [...new Set(keys.map(({ type }) => provider(type).label))].join(" and ");

/** sopsmith sees what a file holds; sops goes by its name. */
function nameOf({ shown, path, format }: File): Finding[] {
  const byName = formatForPath(path);
  if (format === undefined || format === byName) return [];
  return [
    {
      name: "format",
      state: "problem",
      text: `${shown} contains encrypted ${format}, but its name says ${byName}`,
      todo: `Rename ${shown}, or give sops \`--input-type ${format}\`: it contains ${format}, but its name says ${byName}.`,
      rank: ranks.version,
    },
  ];
}

function versionOf({ shown }: File, { version }: Metadata): Finding[] {
  if (!isOlderVersion(SOPS_VERSION, version))
    return [{ name: "version", state: "ok", text: `written in the format of sops ${version}` }];
  return [
    {
      name: "version",
      state: "problem",
      text: `${shown} was written by sops ${version}; this program follows ${SOPS_VERSION}`,
      todo: `Update sopsmith: ${shown} was written by version ${version} of sops, newer than ${SOPS_VERSION}.`,
      rank: ranks.version,
    },
  ];
}

/** A row for each recipient: what opens it, or why nothing does. */
async function recipients(
  asked: ReadonlyMap<MasterKey, Asked>,
  patient: Patient,
): Promise<Finding[]> {
  const names = await namesOf(patient);
  const held = await heldBy(patient);
  const isOpen = [...asked.values()].some(({ part }) => part !== undefined);
  return [...asked.values()].map(({ key, part, errors, wasAsked }): Finding => {
    const named = names.shown(key);
    const shown = key.type === "age" ? named : `${provider(key.type).label} ${named}`;
    const where = key.type === "age" ? held.get(reference(key.id)) : undefined;
    if (part !== undefined)
      return {
        name: "master key",
        state: "ok",
        text: `${shown}: opened${where === undefined ? "" : ` with the identity in ${where}`}`,
      };
    if (!wasAsked)
      return { name: "master key", state: "unused", text: `${shown}: not tried without --network` };
    const reason = errors
      .map(({ message, summary }) => (summary ?? message).replaceAll(/\s*\n\s*/g, " "))
      .join("; ");
    const isMissing = errors.every(({ failure }) => failure === "missing");
    return {
      name: "master key",
      // That others' keys are not here is as it should be.
      state: "unused",
      text: `${shown}: ${isMissing && isOpen ? "its private half is not here" : reason || "no key service was asked"}`,
    };
  });
}

async function namesOf({ config }: Patient): Promise<KeyNames> {
  return config.loaded === undefined ? KeyNames.none : namesInConfig(config.loaded.content.text);
}

/** Whether the file has the keys that its creation rule wants. */
async function ruleKeys(
  { shown, path }: File,
  metadata: Metadata,
  { config }: Patient,
): Promise<Finding[]> {
  const wanted = await config.rules?.for(path)?.load();
  if (wanted === undefined) return [];
  const { isEmpty } = keyDifference(metadata, wanted.keyGroups, wanted.threshold);
  if (isEmpty)
    return [{ name: "rule", state: "ok", text: "the master keys match the creation rule" }];
  const at = config.loaded?.path ?? ".sops.yaml";
  return [
    {
      name: "rule",
      state: "problem",
      text: `the master keys do not match the creation rule on line ${wanted.line} of ${at}`,
      todo: `Run \`sopsmith updatekeys ${shown}\`: its master keys do not match the creation rule on line ${wanted.line} of ${at}.`,
      rank: ranks.recipients,
    },
  ];
}
