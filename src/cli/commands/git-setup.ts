import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { lstatSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { formatForPath } from "../../../formats/index.ts";
import { SopsmithError } from "../../errors.ts";
import { git, runGit, topLevel } from "../../git/git.ts";
import { attributePatterns, usualPatterns } from "../../git/patterns.ts";
import {
  hasAttributes,
  hookText,
  isOwnHook,
  ownSections,
  ownSettings,
  withAttributes,
} from "../../git/setup.ts";
import { ownProgram } from "../../io/own-program.ts";
import { systemCode } from "../../io/system-error.ts";
import { sealedFormat } from "../../status.ts";
import { readConfig } from "../call-cache.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { openStores } from "../formats.ts";
import { openOrder } from "../open-order.ts";
import { noFile, readSource, sourceOf } from "../source.ts";
import { warn } from "../warn.ts";
import { openSource } from "./decrypt.ts";
import { makeFolder } from "../../io/make-folder.ts";

const hook: flags.BoolFlag = {
  kind: "bool",
  names: ["hook"],
  about: "also install a pre-commit hook that runs sopsmith check --staged",
};
const check: flags.BoolFlag = {
  kind: "bool",
  names: ["check"],
  about: "change nothing; list what is missing in this clone, and exit with status 10",
};

/** `--check` found that a clone is not set up. Exit 10. */
class NotInstalled extends SopsmithError {
  constructor(missing: readonly string[]) {
    super("not-installed", 10, missing.join("\n"), { hint: "Run `sopsmith git install`." });
  }
}

export const gitInstall: Command = {
  operands: "[pattern...]",
  flags: [hook, check],
  notes: [
    "Sets up this clone so that git diff, git log -p and git show decrypt for those who have a key, and branches that change different values of one file merge without a conflict; git mergetool resolves the rest with sopsmith mergetool. The patterns, written as in",
    ".gitattributes, choose the files; by default, they come from the creation rules in .sops.yaml. What is committed stays",
    "encrypted, and Git keeps no plain text. Everybody runs it once in each clone. Running it again replaces the",
    "patterns. Git stores the path of this program: run it again after you move the program.",
  ],
  examples: [
    { does: "see plain text in diffs", line: "sopsmith git install" },
    { does: "choose the files", line: "sopsmith git install '*.secret.yaml' 'prod/*.env'" },
    { does: "also refuse commits with unencrypted secrets", line: "sopsmith git install --hook" },
    { does: "see what is missing in this clone", line: "sopsmith git install --check" },
  ],
  async run(call) {
    const { host, operands, options, streams } = call;
    const root = await topLevel(host);
    const program = ownProgram(host);
    if (options.on(check)) return reportMissing(call, root, program.words);
    refuseLinkedAttributes(root);
    const patterns = operands.length > 0 ? operands : await patternsOfRules(call, root);
    for (const pattern of patterns)
      if (
        /[\s"]/.test(pattern) ||
        pattern.startsWith("#") ||
        pattern.startsWith("!") ||
        pattern === ""
      )
        throw new SopsmithError(
          "bad-pattern",
          1,
          `${JSON.stringify(pattern)} cannot be a pattern in .gitattributes`,
          { hint: "Write ? instead of a space." },
        );
    // The hook first: where another one is in its place, nothing was changed yet.
    if (options.on(hook)) await installHook(call, program.words);
    for (const { name, value } of ownSettings(program.words))
      await git(host, ["config", name, value]);
    await changeAttributes(root, patterns);
    if (!program.isFound)
      warn(streams, `sopsmith is not on PATH under that name; Git runs ${program.words.join(" ")}`);
    streams.writeStderr(
      `git diff decrypts and git merge merges ${patterns.join(" ")} in ${root}\n`,
    );
  },
};

export const gitUninstall: Command = {
  operands: "",
  flags: [],
  notes: [
    "Undoes what sopsmith git install did in this clone: its settings, its lines in .gitattributes and its pre-commit hook.",
  ],
  examples: [{ does: "see ciphertext in diffs again", line: "sopsmith git uninstall" }],
  async run(call) {
    const { host, streams } = call;
    refuseOperands(call);
    const root = await topLevel(host);
    // Status 128 where there is no such section.
    for (const section of ownSections) await runGit(host, ["config", "--remove-section", section]);
    if (!isLinkedAttributes(root)) await changeAttributes(root, []);
    const path = await hookPath(call);
    const text = path === undefined ? undefined : await textOf(path);
    if (path !== undefined && text !== undefined && isOwnHook(text)) await rm(path);
    streams.writeStderr(`git diff and git merge now treat files in ${root} as plain text\n`);
  },
};

export const gitTextconv: Command = {
  operands: "file",
  flags: [flags.decryptionOrder, ...flags.keyServices],
  notes: [
    "For Git, which runs it for each side of a diff: prints an encrypted file decrypted, and any other file as it is. A file that",
    "cannot be decrypted is printed encrypted, with a warning, so that diffs and logs work without a key.",
  ],
  examples: [{ does: "what Git runs", line: "sopsmith git textconv secrets.yaml" }],
  async run(call) {
    const [file] = call.operands;
    if (file === undefined || call.operands.length > 1)
      throw noFile("Error: no file specified, or several; this command needs one file");
    const plain = sourceOf(call, file);
    const content = await readSource(call, plain);
    const format = await sealedFormat(content, formatForPath(file));
    if (format === undefined) return call.streams.writeStdout([content]);
    const source = { ...plain, format };
    try {
      // The configuration matters only to the indent; a broken one must not break a log.
      const stores = await openStores(call, source);
      const order = openOrder(call);
      await call.streams.writeStdout(
        await openSource(call, source, stores, { order, extract: undefined }),
      );
    } catch (error) {
      if (!(error instanceof SopsmithError) || error.code === "output-closed") throw error;
      const [reason = ""] = error.message.split("\n");
      warn(call.streams, `${file} is shown encrypted: ${reason}`);
      await call.streams.writeStdout([content]);
    }
  },
};

function refuseOperands({ operands }: Call): void {
  if (operands.length > 0)
    throw new SopsmithError("surplus-operands", 1, "Error: this command accepts no operands");
}

/** The patterns that the creation rules come to; those of a configuration below the top are put below its directory. */
async function patternsOfRules(call: Call, root: string): Promise<readonly string[]> {
  const config = await readConfig(call);
  const rules = config?.content.creationRules ?? [];
  if (config === undefined || rules.length === 0) return usualPatterns;
  const patterns = attributePatterns(rules.map(({ pathRegex }) => pathRegex));
  const below = relative(root, dirname(resolve(call.host.cwd(), config.path)))
    .replaceAll(sep, "/")
    // What would end a pattern, or mean more than itself in one.
    .replaceAll(/[\s"*?[\]\\!]/g, "?");
  if (below === "" || below.startsWith("..")) return patterns;
  return patterns.map((pattern) =>
    pattern.includes("/") ? `/${below}/${pattern.replace(/^\//, "")}` : pattern,
  );
}

/** @throws {NotInstalled} */
async function reportMissing(call: Call, root: string, program: readonly string[]): Promise<void> {
  const { host, options, streams } = call;
  const missing: string[] = [];
  for (const { name, value } of ownSettings(program)) {
    const { status, stdout } = await runGit(host, ["config", "--get", name]);
    const has = Buffer.from(stdout).toString().replace(/\n$/, "");
    if (status !== 0) missing.push(`${name} is not set in this clone`);
    else if (has !== value)
      missing.push(`${name} is not what this program would set: the program was moved`);
  }
  if (isLinkedAttributes(root))
    missing.push(".gitattributes is a symbolic link, which Git does not read");
  else if (!hasAttributes((await textOf(join(root, ".gitattributes"))) ?? ""))
    missing.push(".gitattributes names no files");
  if (options.on(hook)) {
    const path = await hookPath(call);
    const text = path === undefined ? undefined : await textOf(path);
    if (text === undefined || !/\bsopsmith\b/.test(text))
      missing.push("no pre-commit hook runs sopsmith");
  }
  if (missing.length > 0) throw new NotInstalled(missing);
  streams.writeStderr(`nothing is missing in ${root}\n`);
}

/**
 * Installs the pre-commit hook.
 *
 * @param program how to run this program: absolute paths
 * @throws {SopsmithError} exit 1 where there is another hook, or the hooks lie elsewhere
 */
export async function installHook(call: Call, program: readonly string[]): Promise<void> {
  const path = await hookPath(call);
  const hint = `Add this line to your pre-commit hook: ${hookText(program)
    .trimEnd()
    .split("\n")
    .at(-1)
    ?.replace(/^exec /, "")}`;
  if (path === undefined)
    throw new SopsmithError(
      "hooks-elsewhere",
      1,
      "core.hooksPath puts hooks in another directory",
      {
        hint,
      },
    );
  const text = await textOf(path);
  if (text !== undefined && !isOwnHook(text))
    throw new SopsmithError("hook-there", 1, `another hook already exists: ${path}`, { hint });
  await makeFolder(dirname(path));
  await writeFile(path, hookText(program), { mode: 0o755 });
  await chmod(path, 0o755);
}

/** Where the pre-commit hook lies; undefined where `core.hooksPath` is set. */
async function hookPath({ host }: Call): Promise<string | undefined> {
  const { stdout } = await runGit(host, ["config", "--get-all", "core.hooksPath"]);
  // One value is our own, which keeps hooks from running.
  const values = Buffer.from(stdout)
    .toString()
    .split("\n")
    .filter((line) => line !== "");
  if (values.length > 1) return undefined;
  const folder = (await git(host, ["rev-parse", "--git-common-dir"])).replace(/\n$/, "");
  return join(resolve(host.cwd(), folder), "hooks", "pre-commit");
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
}

const isLinkedAttributes = (root: string): boolean =>
  lstatSync(join(root, ".gitattributes"), { throwIfNoEntry: false })?.isSymbolicLink() === true;

/**
 * Git does not read a link under this name, and where a stranger's link leads nothing is to be written.
 *
 * @throws {SopsmithError} exit 1
 */
function refuseLinkedAttributes(root: string): void {
  if (isLinkedAttributes(root))
    throw new SopsmithError(
      "linked-attributes",
      1,
      `${join(root, ".gitattributes")} is a symbolic link, which Git does not read`,
      { hint: "Put a file in its place." },
    );
}

/** Puts the lines for these patterns in the place of those that an earlier call wrote. */
async function changeAttributes(root: string, patterns: readonly string[]): Promise<void> {
  const path = join(root, ".gitattributes");
  const old = await textOf(path);
  const text = withAttributes(old ?? "", patterns);
  if (text === (old ?? "")) return;
  const { replaceFile } = await import("../../io/atomic-write.ts");
  if (text !== "" || old === undefined) await replaceFile(path, [text]);
  else await rm(path);
}
