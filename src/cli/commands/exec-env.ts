import { decryptDocuments } from "../../decrypt.ts";
import { environmentOf } from "../../environment.ts";
import { ConflictError } from "../../errors.ts";
import {
  becomeUser,
  inherited,
  parseChildLine,
  runChild,
  warnOfBackground,
} from "../child-process.ts";
import type { Command } from "../command.ts";
import * as flags from "../flags.ts";
import { openOrder } from "../open-order.ts";
import { withShared } from "../call-cache.ts";
import { readSource, sourceOf } from "../source.ts";
import { openStores } from "../formats.ts";

export const execEnv: Command = {
  operands: "file… [--] command",
  completes: ["sealed", "command line"],
  flags: [
    flags.pristine,
    flags.user,
    flags.sameProcess,
    flags.background,
    flags.decryptionOrder,
    ...flags.keyServices,
  ],
  notes: [
    "Each value at the top level of the file becomes an environment variable of the command. When several files set the same name, the last one wins.",
    "A single word is a shell command. Two or more words after -- are a program and its arguments, run without a shell.",
    "The exit status is that of the command, or 255 if a signal ended it. Signals are passed on to the command.",
  ],
  examples: [
    { does: "run a shell command", line: "sopsmith exec-env secrets.env 'echo \"$TOKEN\"'" },
    { does: "run a program without a shell", line: "sopsmith exec-env secrets.env -- npm start" },
    {
      does: "layer files",
      line: "sopsmith exec-env defaults.yaml production.env -- ./server --port 80",
    },
    {
      does: "replace this process, as the last command of a container's entry point",
      line: "sopsmith exec-env --same-process secrets.env -- ./server --port 80",
    },
  ],
  async run(call) {
    const { options, host } = call;
    const { files, command } = parseChildLine(call);
    warnOfBackground(call, "exec-env");
    if (options.on(flags.background) && options.on(flags.sameProcess))
      throw new ConflictError("Error: The --same-process flag cannot be used with --background");
    const secrets: (readonly [string, string])[] = [];
    await withShared(call, async (shared) => {
      for (const file of files) {
        const source = sourceOf(shared, file);
        const { verb } = await openStores(shared, source);
        const order = openOrder(shared);
        const sealed = await readSource(shared, source);
        const documents = await decryptDocuments(sealed, { ...verb, order }, shared.host);
        for (const one of environmentOf(documents, source.file)) secrets.push(one);
      }
    });
    const env = options.on(flags.pristine) ? inherited({ ...host, env: {} }) : inherited(host);
    for (const [name, value] of Object.entries(await becomeUser(call))) env[name] = value;
    for (const [name, value] of secrets) env[name] = value;
    await runChild(call, command, env);
  },
};
