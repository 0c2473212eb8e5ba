import { userInfo } from "node:os";
import { basename } from "node:path";
import type { Member } from "../../config/new-config.ts";
import { ConflictError } from "../../errors.ts";
import type { Host } from "../../io/host.ts";
import { printableLine } from "../../io/printable.ts";
import { publicKey } from "../public-key.ts";
import { UsageError } from "../args.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import {
  carryOut,
  look,
  openSteps,
  refuseBadFile,
  setGitUp,
  steps,
  type Done,
  type Plan,
  type Setting,
  type Step,
} from "../init-steps.ts";
import type { Options } from "../options.ts";
import { quoted } from "../source.ts";

const skip: flags.ListFlag = {
  kind: "list",
  names: ["skip"],
  value: "STEP",
  about: `leave out a step: ${steps.join(", ")}; may be repeated`,
};
const name: flags.TextFlag = {
  kind: "text",
  names: ["name"],
  value: "NAME",
  about: "the name of your key in .sops.yaml; default: your user name",
};
const ownKey: flags.TextFlag = {
  kind: "text",
  names: ["key"],
  value: "KEY",
  about: "your public key, instead of the one that init finds or makes",
};
const member: flags.ListFlag = {
  kind: "list",
  names: ["member"],
  value: "NAME=KEY",
  about: "somebody else who should be able to open the files; may be repeated",
};
const pattern: flags.ListFlag = {
  kind: "list",
  names: ["pattern"],
  value: "GLOB",
  about:
    "files that the creation rule matches, such as 'prod/*.yaml'; may be repeated. Default: secrets.*, *.secret.* and secrets/**",
};
export const init: Command = {
  operands: "[file]",
  completes: ["plain", "none"],
  flags: [flags.yes, skip, name, ownKey, member, pattern, flags.json],
  notes: [
    "Sets up what is missing: an age key, .sops.yaml, lines in .gitignore for unencrypted copies, git diff and git merge, a",
    "pre-commit hook, and a first encrypted file. It asks first, then writes everything or nothing; you can leave out any step.",
    "What already exists stays as it is, so a second run has nothing to do. Without a terminal it needs --yes,",
    "which accepts its suggestions. If the first file does not exist yet, it is created with an example value.",
  ],
  examples: [
    { does: "set everything up, with three questions", line: "sopsmith init" },
    {
      does: "do the same in a script, with a first file",
      line: "sopsmith init --yes secrets.yaml",
    },
    {
      does: "set it up for two people and the files of one directory",
      line: "sopsmith init --yes --member bob=age1… --pattern 'prod/*.yaml'",
    },
    { does: "set it up without touching Git", line: "sopsmith init --yes --skip git --skip hook" },
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { options, operands, host, streams } = call;
  if (operands.length > 1) throw new UsageError("init accepts at most one file");
  const { canAsk } = await import("../../io/prompt.ts");
  const isAsking = !options.on(flags.yes);
  if (options.on(flags.json) && isAsking)
    throw new ConflictError("Error: cannot ask questions with --json", {
      hint: "Use --json with --yes.",
    });
  if (isAsking && !canAsk())
    throw new UsageError(
      "init cannot ask questions here: there is no terminal",
      1,
      "Use --yes to accept the suggestions; --skip leaves steps out.",
    );
  const skipped = skippedSteps(options);
  const members = await Promise.all(options.list(member).map((text) => parseMember(text, host)));
  const setting = await look(call);
  const open = (await openSteps(host, setting, options.text(ownKey) !== "")).filter(
    (step) => !skipped.has(step),
  );
  // The file is asked for; whether there is one is not known before.
  const isNew = open.some((step) => step !== "file") || setting.file !== undefined;
  if (open.length === 0 || !isNew) return tell(call, []);
  const plan = isAsking ? await ask(call, setting, open) : proposal(call, setting, open);
  await refuseBadFile(plan, setting, host);
  if (plan.steps.size === 0) return tell(call, []);
  const globs = options.list(pattern);
  const own = options.text(ownKey);
  const done = await carryOut(call, setting, plan, { members, globs, own });
  for (const one of await setGitUp(call, plan, globs)) done.push(one);
  await tell(call, done);
  if (!options.on(flags.json) && plan.steps.has("key"))
    streams.writeStderr(
      `Keep a copy of ${printableLine(setting.keyFile)} in a safe place: nobody can open your files without it.\n`,
    );
}

function skippedSteps(options: Options): ReadonlySet<Step> {
  const words = options.list(skip).flatMap((word) => word.split(","));
  return new Set(
    words.map((word) => {
      const step = steps.find((one) => one === word.trim());
      if (step === undefined)
        throw new UsageError(`--skip must be one of ${steps.join(", ")}, not ${quoted(word)}`);
      return step;
    }),
  );
}

async function parseMember(text: string, host: Host): Promise<Member> {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--member must be NAME=KEY, not ${quoted(text)}`);
  return { name: text.slice(0, at).trim(), key: await publicKey(text.slice(at + 1), host) };
}

function proposal({ options }: Call, { file }: Setting, open: readonly Step[]): Plan {
  const wanted = open.filter((step) => step !== "file" || file !== undefined);
  return { steps: new Set(wanted), name: options.text(name) || userName(), file };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "me";
  }
}

/** Three questions at most. Nothing is written before the last is answered. */
async function ask(call: Call, setting: Setting, open: readonly Step[]): Promise<Plan> {
  const { options } = call;
  const { askChoices, askText } = await import("../../io/prompt.ts");
  const { keyFile } = setting;
  const labels: Readonly<Record<Step, string>> = {
    key: `make an age key in ${keyFile}`,
    config: "write .sops.yaml: who can decrypt, and which files",
    gitignore: "list unencrypted copies in .gitignore",
    git: "show plain text in git diff, and merge values in git merge",
    hook: "install a pre-commit hook that refuses unencrypted secrets",
    file: `encrypt ${setting.file ?? "a first file"}`,
  };
  const chosen = new Set(
    await askChoices(
      "What do you want to set up?",
      open.map((step) => ({ value: step, label: labels[step] })),
    ),
  );
  const proposed = options.text(name) || userName();
  const asksName = chosen.has("config") && options.text(name) === "";
  const called = asksName
    ? await askText("What do you want to call your key?", proposed, (text) =>
        text.trim() === "" ? "Enter a name." : undefined,
      )
    : proposed;
  if (!chosen.has("file") || setting.file !== undefined)
    return { steps: chosen, name: called.trim(), file: setting.file };
  const file = await askText("Which file do you want to encrypt first?", "secrets.yaml", (text) =>
    text.trim() === "" ? "Enter a file name." : undefined,
  );
  return { steps: chosen, name: called.trim(), file: file.trim() };
}

async function tell({ options, streams }: Call, done: readonly Done[]): Promise<void> {
  if (options.on(flags.json)) {
    await streams.writeStdout([`${JSON.stringify({ done })}\n`]);
    return;
  }
  if (done.length === 0) {
    await streams.writeStdout(["Nothing to do: everything is set up.\n"]);
    return;
  }
  const order = done.toSorted((a, b) => steps.indexOf(a.step) - steps.indexOf(b.step));
  const lines = order.map(({ text }) => `✓ ${printableLine(text)}\n`);
  const first = done.find(({ step }) => step === "file");
  const next =
    first === undefined
      ? "sopsmith encrypt -i FILE"
      : `sopsmith edit ${printableLine(basename(first.path))}`;
  await streams.writeStdout([...lines, `Next: ${next}\n`]);
}
