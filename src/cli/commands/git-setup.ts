import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatForPath } from "../../../formats/index.ts";
import { SopsmithError } from "../../errors.ts";
import { systemCode } from "../../io/system-error.ts";
import { sealedFormat } from "../../status.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { git, runGit } from "../git.ts";
import { openOrder } from "../open-settings.ts";
import { noFile, readSource, sourceOf } from "../source.ts";
import { openStores } from "../formats.ts";
import { warn } from "../warn.ts";
import { openSource } from "./decrypt.ts";

const driver = "diff.sopsmith";
const first = "# Plain text in diffs, by `sopsmith git install`";
const last = "# End of what `sopsmith git install` wrote";

/** Kinds of files that hold encrypted values; those in clear are shown as they are. */
const usualPatterns = ["*.yaml", "*.yml", "*.json", "*.env", "*.ini"];

export const gitInstall: Command = {
  operands: "[pattern...]",
  flags: [],
  notes: [
    "Sets this clone up so that git diff, git log -p and git show decrypt for those who have a key. The patterns, as in",
    ".gitattributes, say for which files. What is committed stays encrypted, and Git keeps no plain text. Others who clone",
    "the repository run it once too. Running it again replaces the patterns.",
  ],
  examples: [
    { does: "see plain text in diffs", line: "sopsmith git install" },
    { does: "for some files only", line: "sopsmith git install '*.secret.yaml' 'prod/*.env'" },
  ],
  async run(call) {
    const root = await topLevel(call);
    const patterns = call.operands.length > 0 ? call.operands : usualPatterns;
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
          { hint: "Use ? for a blank." },
        );
    await git(call, ["config", `${driver}.textconv`, "sopsmith git textconv"]);
    // Plain text must not end in Git's object store.
    await git(call, ["config", `${driver}.cachetextconv`, "false"]);
    const lines = [first, ...patterns.map((pattern) => `${pattern} diff=sopsmith`), last];
    await changeAttributes(root, lines);
    call.streams.writeStderr(`git diff decrypts ${patterns.join(" ")} in ${root}\n`);
  },
};

export const gitUninstall: Command = {
  operands: "",
  flags: [],
  notes: ["Takes back what sopsmith git install did, in this clone and its .gitattributes."],
  examples: [{ does: "see ciphertext in diffs again", line: "sopsmith git uninstall" }],
  async run(call) {
    refuseOperands(call);
    const root = await topLevel(call);
    // Status 128 where there is no such section.
    await runGit(call, ["config", "--remove-section", driver]);
    await changeAttributes(root, []);
    call.streams.writeStderr(`git diff shows files in ${root} as they are\n`);
  },
};

export const gitTextconv: Command = {
  operands: "file",
  flags: [flags.decryptionOrder, ...flags.keyServices],
  notes: [
    "For Git, which runs it for each side of a diff: prints an encrypted file in clear, and any other as it is. A file that",
    "cannot be decrypted is printed encrypted, with a warning, so that diffs and logs work without a key.",
  ],
  examples: [{ does: "what Git runs", line: "sopsmith git textconv secrets.yaml" }],
  async run(call) {
    const [file] = call.operands;
    if (file === undefined || call.operands.length > 1)
      throw noFile("Error: no file specified, or several; needed is: file");
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
    throw new SopsmithError("surplus-operands", 1, "Error: no operands are taken here");
}

async function topLevel(call: Call): Promise<string> {
  return (await git(call, ["rev-parse", "--show-toplevel"])).replace(/\n$/, "");
}

/** Puts the lines in the place of those that an earlier call wrote. */
async function changeAttributes(root: string, lines: readonly string[]): Promise<void> {
  const path = join(root, ".gitattributes");
  const old = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  const kept = withoutOurs(old ?? "");
  const gap = kept === "" || kept.endsWith("\n") || lines.length === 0 ? "" : "\n";
  const text = kept + gap + lines.map((line) => `${line}\n`).join("");
  if (text === (old ?? "")) return;
  const { replaceFile } = await import("../../io/atomic-write.ts");
  if (text !== "" || old === undefined) await replaceFile(path, [text]);
  else await rm(path);
}

function withoutOurs(text: string): string {
  const start = text.indexOf(`${first}\n`);
  const end = text.indexOf(`${last}\n`, start);
  return start < 0 || end < 0 ? text : text.slice(0, start) + text.slice(end + last.length + 1);
}
