import { formatForPath } from "../../../formats/index.ts";
import { SopsmithError } from "../../errors.ts";
import { isEncrypted, sealedFormat } from "../../status.ts";
import type { Call, Command } from "../command.ts";
import * as flags from "../flags.ts";
import { runFiles, severalFiles } from "../many.ts";
import { fileOperands, noFile, readSource, sourceOf, type Source } from "../source.ts";
import { openStores } from "../stores.ts";

/** `--check` found files in clear. Exit 10. */
class NotEncrypted extends SopsmithError {
  constructor(files: readonly string[]) {
    super("not-encrypted", 10, files.map((file) => `${file} is not encrypted`).join("\n"), {
      hint: "Encrypt with `sopsmith encrypt -i FILE`.",
    });
  }
}

export const filestatus: Command = {
  operands: "file...",
  flags: [flags.check, flags.recursive, flags.inputType, flags.json],
  notes: [
    `Prints {"encrypted":true} or {"encrypted":false}; for several files, or with --json, {"file":"…","encrypted":true}. No key is needed.`,
  ],
  examples: [
    { does: "ask whether a file is encrypted", line: "sopsmith filestatus secrets.yaml" },
    {
      does: "fail when a file is in clear",
      line: "sopsmith filestatus --check secrets/*.yaml",
    },
    { does: "list the encrypted files here", line: "sopsmith filestatus --recursive ." },
  ],
  async run(call) {
    const operands = await fileOperands(call);
    const [operand] = operands;
    if (operand === undefined) throw noFile("Error: no file specified");
    const several = await severalFiles(call, operands, { wanted: "any", target: "none" });
    const inClear: string[] = [];
    const report = async (file: string, encrypted: boolean, line: object) => {
      if (!encrypted && call.options.on(flags.check)) inClear.push(file);
      await call.streams.writeStdout([`${JSON.stringify(line)}\n`]);
    };
    if (several === undefined) {
      const encrypted = await statusOf(call, sourceOf(call, operand));
      const line = { ...(call.options.on(flags.json) ? { file: operand } : {}), encrypted };
      await report(operand, encrypted, line);
    } else {
      const { files } = several;
      const results: (boolean | undefined)[] = [];
      const tell = async () => {
        for (const [index, encrypted] of results.entries()) {
          const file = files[index]?.file ?? "";
          if (encrypted !== undefined) await report(file, encrypted, { file, encrypted });
        }
      };
      const how = { done: "looked at", isQuiet: true };
      try {
        await runFiles(call, several, how, async (one, { file, isFound }, index) => {
          results[index] = await statusOf(one, sourceOf(one, file), isFound);
          return { commit: () => Promise.resolve() };
        });
      } finally {
        await tell();
      }
    }
    if (inClear.length > 0) throw new NotEncrypted(inClear);
  },
};

/** @param isFound whatever is no encrypted file is in clear, also what cannot be parsed */
async function statusOf(call: Call, source: Source, isFound = false): Promise<boolean> {
  const { verb } = await openStores(call, source);
  const content = await readSource(call, source).catch((error: unknown) => {
    if (!(error instanceof SopsmithError)) throw error;
    const message = `cannot check file status: cannot load encrypted file: ${error.message}`;
    throw new SopsmithError(error.code, 1, message, { hint: error.hint, cause: error });
  });
  const isTyped = call.options.text(flags.inputType) !== "";
  if (!isTyped && (isFound || call.options.on(flags.check))) {
    const format = await sealedFormat(content, formatForPath(source.path));
    if (format === undefined) return false;
    return isEncrypted(content, { file: source.file, input: format });
  }
  return isEncrypted(content, { file: source.file, input: verb.input });
}
