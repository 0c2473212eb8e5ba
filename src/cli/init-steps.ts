import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { formatForPath } from "../../formats/index.ts";
import { parseConfig } from "../config/config.ts";
import { loadConfig, type LoadedConfig } from "../config/loaded-config.ts";
import {
  newConfig,
  pathRegexOf,
  usualGlobs,
  usualPathRegex,
  withoutBraces,
  type Member,
} from "../config/new-config.ts";
import { SopsmithError } from "../errors.ts";
import { runGit, topLevelIfAny } from "../git/git.ts";
import { hasAttributes } from "../git/setup.ts";
import { compileGoRegExp, loadRegExps } from "../go/regexp.ts";
import { stageFile } from "../io/atomic-write.ts";
import { onProcessEnd } from "../io/cleanup.ts";
import { commitTogether, TogetherFailed } from "../io/commit-together.ts";
import type { Host } from "../io/host.ts";
import { describeStdout } from "../io/output.ts";
import { ownProgram } from "../io/own-program.ts";
import { printableLine } from "../io/printable.ts";
import type { StagedFile } from "../io/staged.ts";
import { keygen } from "../keygen.ts";
import { defaultKeyFile } from "../keys/age/default-key-file.ts";
import { heldRecipients } from "../keys/age/held-recipients.ts";
import { findAgeIdentities } from "../keys/age/identities.ts";
import { keyInText } from "../people/key-id.ts";
import { sealedFormat } from "../status.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { openStores } from "./formats.ts";
import { keyFlags } from "./key-flags.ts";
import { keyServices } from "./key-services.ts";
import { Options } from "./options.ts";
import { publicKey } from "./public-key.ts";
import { sourceOf } from "./source.ts";
import { warn } from "./warn.ts";

/** What `init` can set up, in this order. */
export const steps = ["key", "config", "gitignore", "git", "hook", "file"] as const;
export type Step = (typeof steps)[number];

/** What there is before anything is done. */
export interface Setting {
  readonly cwd: string;
  /** The recipients of identities that are there. */
  readonly recipients: readonly string[];
  readonly keyFile: string;
  /** The configuration in force. */
  readonly config: string | undefined;
  /** Top directory of the work tree. */
  readonly root: string | undefined;
  readonly file: string | undefined;
}

/** What is to be done. */
export interface Plan {
  readonly steps: ReadonlySet<Step>;
  readonly name: string;
  readonly file: string | undefined;
}

/** What was done, a line each. */
export interface Done {
  readonly step: Step;
  readonly text: string;
  readonly path: string;
}

/** @throws {SopsmithError} exit 1 where key sources are there and none can be used */
export async function look({ operands, host }: Call): Promise<Setting> {
  const { identities, errors } = await findAgeIdentities("", host);
  if (identities.length === 0 && errors.length > 0)
    throw new SopsmithError("unusable-key-source", 1, errors.join("; "), {
      hint: "Fix that first; `sopsmith doctor` tells you more.",
    });
  const held = await heldRecipients(identities);
  const usable = held.filter((recipient) => keyInText(recipient)?.type === "age");
  const [file] = operands;
  return {
    cwd: host.cwd(),
    // An age key is better than an SSH key that happens to be there.
    recipients: usable.toSorted(
      (a, b) => Number(a.startsWith("ssh-")) - Number(b.startsWith("ssh-")),
    ),
    keyFile: defaultKeyFile(host),
    config: (await loadConfig("", host, () => undefined))?.path,
    root: await topLevelIfAny(host),
    file,
  };
}

const ignored = [
  "*.dec",
  "*.dec.*",
  "*.decrypted",
  "*.decrypted.*",
  "*.bak",
  "*.orig",
  ".*.swp",
  "*~",
];
const IGNORE_HEAD = "# Unencrypted copies of secrets, by `sopsmith init`";

/** What is not done yet. */
export async function openSteps(
  host: Host,
  { recipients, config, root, cwd, file }: Setting,
  hasOwnKey: boolean,
): Promise<Step[]> {
  const open: Step[] = [];
  if (recipients.length === 0 && !hasOwnKey) open.push("key");
  if (config === undefined) open.push("config");
  if (root !== undefined) {
    if (!textOf(join(cwd, ".gitignore")).includes(IGNORE_HEAD)) open.push("gitignore");
    const { status } = await runGit(host, ["config", "--get", "diff.sopsmith.textconv"]);
    if (status !== 0 || !hasAttributes(textOf(join(root, ".gitattributes")))) open.push("git");
    if (!(await hasHook(host, cwd))) open.push("hook");
  }
  if (file === undefined ? config === undefined : !(await isSealed(resolve(cwd, file), host)))
    open.push("file");
  return open;
}

/** Some pre-commit hook is there, ours or not: another's stays as it is. */
async function hasHook(host: Host, cwd: string): Promise<boolean> {
  const { status, stdout } = await runGit(host, ["rev-parse", "--git-common-dir"]);
  const folder = Buffer.from(stdout).toString().replace(/\n$/, "");
  return status !== 0 || existsSync(join(resolve(cwd, folder), "hooks", "pre-commit"));
}

async function isSealed(path: string, host: Host): Promise<boolean> {
  if (!existsSync(path)) return false;
  const format = await sealedFormat(await host.readFile(path), formatForPath(path));
  return format !== undefined;
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

/** @throws {SopsmithError} exit 100 or 203 for a first file that cannot be one */
export async function refuseBadFile(
  { steps: wanted, file }: Plan,
  { cwd }: Setting,
  host: Host,
): Promise<void> {
  if (!wanted.has("file") || file === undefined) return;
  const path = resolve(cwd, file);
  if (!existsSync(dirname(path)))
    throw new SopsmithError(
      "no-file",
      100,
      `there is no directory ${printableLine(dirname(file))}`,
      {
        hint: "Create it first.",
        file,
      },
    );
  if (await isSealed(path, host))
    throw new SopsmithError(
      "already-encrypted",
      203,
      `${printableLine(file)} is already encrypted`,
      {
        file,
      },
    );
}

/** What a first file that does not exist is made with. */
const samples = {
  yaml: "# Made by `sopsmith init`; change it with `sopsmith edit`.\nexample: change me\n",
  json: `{\n  "example": "change me"\n}\n`,
  dotenv: "EXAMPLE=change me\n",
  ini: "[example]\nkey = change me\n",
  binary: "change me\n",
};

/** What the flags say. */
export interface Wishes {
  readonly members: readonly Member[];
  /** Files that the creation rule is for; none for the usual ones. */
  readonly globs: readonly string[];
  /** The user's public key; "" for one that is found or made. */
  readonly own: string;
}

/** Key, configuration, `.gitignore` and first file: all or nothing, also when a signal comes. */
export async function carryOut(
  call: Call,
  setting: Setting,
  plan: Plan,
  { members, globs, own }: Wishes,
): Promise<Done[]> {
  const { host } = call;
  const { cwd, keyFile } = setting;
  const staged: StagedFile[] = [];
  const done: Done[] = [];
  const folders: string[] = [];
  const forget = onProcessEnd(() => removeFolders(folders));
  const stage = async (path: string, text: string, mode?: number): Promise<void> => {
    const isThere = existsSync(path);
    staged.push(
      await stageFile(path, [text], {
        purpose: isThere ? "in-place" : "output",
        ...(mode === undefined ? {} : { mode }),
        ...(isThere ? {} : { expected: "absent" as const }),
      }),
    );
  };
  try {
    let config: LoadedConfig | undefined;
    let recipient = own || (setting.recipients[0] ?? "");
    if (plan.steps.has("key")) {
      const made = await keygen({}, host, {
        readStdin: () => Promise.resolve(new Uint8Array()),
        createPrivateFile: () => Promise.resolve(),
        appendToKeyFile: () => Promise.resolve({ hadContent: false, isOpenToOthers: false }),
        describeStdout,
      });
      recipient = made.keys[0]?.recipient ?? "";
      makeFolders(dirname(keyFile), folders);
      const old = textOf(keyFile);
      if (/^(?:age-encryption|-----BEGIN AGE)/.test(old))
        throw new SopsmithError(
          "encrypted-key-file",
          1,
          `${keyFile} is protected by a passphrase, so nothing can be added to it`,
          { file: keyFile, hint: "Name the public key that belongs to it with --key." },
        );
      const gap = old === "" || old.endsWith("\n") ? "" : "\n";
      await stage(keyFile, `${old}${gap}${made.stdout}`, 0o600);
      done.push({ step: "key", text: `age key ${recipient} in ${keyFile}`, path: keyFile });
    }
    if (recipient === "" && (plan.steps.has("config") || plan.steps.has("file")))
      throw new SopsmithError("no-key", 1, "there is no key to encrypt to", {
        hint: "Do not skip the step `key`, or name your public key with --key.",
      });
    if (plan.steps.has("config")) {
      const all = [{ name: plan.name, key: await publicKey(recipient, host) }, ...members];
      const text = newConfig(all, await pathRegexFor(globs, plan, cwd));
      const path = join(cwd, ".sops.yaml");
      const content = await parseConfig(Buffer.from(text), ".sops.yaml", () => undefined);
      config = { path: ".sops.yaml", content };
      await stage(path, text);
      const names = all.map(({ name: called }) => called).join(", ");
      done.push({ step: "config", text: `.sops.yaml, with the keys of ${names}`, path });
    }
    if (plan.steps.has("gitignore")) {
      const path = join(cwd, ".gitignore");
      const old = textOf(path);
      const gap = old === "" || old.endsWith("\n") ? "" : "\n";
      await stage(path, `${old}${gap}${[IGNORE_HEAD, ...ignored].join("\n")}\n`);
      done.push({ step: "gitignore", text: "unencrypted copies in .gitignore", path });
    }
    if (plan.steps.has("file") && plan.file !== undefined) {
      config ??= await loadConfig("", host, (message) => warn(call.streams, message));
      staged.push(await sealFirst(call, plan.file, recipient, config));
      const path = resolve(cwd, plan.file);
      done.push({ step: "file", text: `${plan.file}, encrypted`, path });
    }
    await commitTogether(staged, () => Promise.resolve());
    return done;
  } catch (error) {
    for (const file of staged) file.discard();
    removeFolders(folders);
    throw error instanceof TogetherFailed ? error.cause : error;
  } finally {
    forget();
  }
}

/** The rule's pattern; the first file is always among those that it matches. */
async function pathRegexFor(
  globs: readonly string[],
  { file }: Plan,
  cwd: string,
): Promise<string> {
  const regex = globs.length === 0 ? usualPathRegex : pathRegexOf(globs);
  if (file === undefined) return regex;
  const below = relative(cwd, resolve(cwd, file)).split(sep).join("/");
  await loadRegExps([regex]);
  if (compileGoRegExp(regex).test(below)) return regex;
  return `${regex}|${pathRegexOf([`/${below}`])}`;
}

/**
 * As `sopsmith encrypt` does it; a file that does not exist is made from an example, which never is on the disk.
 *
 * @param config what the file's creation rule is in; undefined where there is none
 */
async function sealFirst(
  call: Call,
  file: string,
  recipient: string,
  config: LoadedConfig | undefined,
): Promise<StagedFile> {
  const { sealSource } = await import("./commands/encrypt.ts");
  const options = new Options();
  const isThere = existsSync(resolve(call.host.cwd(), file));
  if (!isThere) options.set(flags.filenameOverride, file);
  const age = keyFlags.find(({ provider: { type } }) => type === "age");
  if (config === undefined && age !== undefined) options.set(age.to, recipient);
  const sample = Buffer.from(samples[formatForPath(file)]);
  const one: Call = {
    ...call,
    options,
    shared: { config, services: await keyServices(call) },
    streams: { ...call.streams, readStdin: () => Promise.resolve(sample) },
  };
  const source = sourceOf(one, isThere ? file : undefined);
  const chunks = await sealSource(one, source, await openStores(one, source, "plain"));
  return stageFile(resolve(call.host.cwd(), file), chunks, {
    purpose: isThere ? "in-place" : "output",
    expected: source.version ?? "absent",
  });
}

/** What Git's own commands change comes last; where it fails, the rest is done all the same. */
export async function setGitUp(call: Call, plan: Plan, globs: readonly string[]): Promise<Done[]> {
  const done: Done[] = [];
  if (!plan.steps.has("git") && !plan.steps.has("hook")) return done;
  const { gitInstall, installHook } = await import("./commands/git-setup.ts");
  const attempt = async (step: Step, text: string, path: string, work: () => Promise<void>) => {
    try {
      await work();
      done.push({ step, text, path });
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
      warn(call.streams, `${error.message}${error.hint === undefined ? "" : `. ${error.hint}`}`);
    }
  };
  if (plan.steps.has("git"))
    await attempt("git", "git diff and git merge", ".gitattributes", async () => {
      const operands = globs.length === 0 ? usualGlobs : globs.flatMap(withoutBraces);
      const quiet = { ...call.streams, writeStderr: () => undefined };
      await gitInstall.run({ ...call, options: new Options(), operands, streams: quiet });
    });
  if (plan.steps.has("hook"))
    await attempt("hook", "a pre-commit hook that runs sopsmith check", "pre-commit", () =>
      installHook(call, ownProgram(call.host).words),
    );
  return done;
}

function makeFolders(path: string, made: string[]): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path), made);
  mkdirSync(path, { mode: 0o700 });
  made.push(path);
}

function removeFolders(made: string[]): void {
  for (const folder of made.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      // Something is in it.
    }
  }
}
