import { appendToKeyFile, createPrivateFile } from "../../io/key-file.ts";
import { describeStdout } from "../../io/output.ts";
import { keygen as generate } from "../../keygen.ts";
import { UsageError } from "../args.ts";
import type { Command } from "../command.ts";
import * as flags from "../flags.ts";
import { printable } from "../../io/printable.ts";

export const keygen: Command = {
  operands: "[key file]",
  flags: [
    flags.keyOutput,
    flags.convert,
    flags.fromSsh,
    flags.postQuantum,
    flags.defaultKeyFile,
    flags.noAtomic,
    flags.json,
  ],
  notes: [
    "A key has two halves. The recipient (age1…) is public: files are encrypted to it. The identity (AGE-SECRET-KEY-1…)",
    "opens them: keep it secret, and keep a copy of it. The key files have the format of age and age-keygen.",
    'With --json, prints a line for each key: {"recipient":"age1…"}, with its "file", or its "identity" if no file is written.',
  ],
  examples: [
    {
      does: "generate a key where sopsmith and sops look for it",
      line: "sopsmith keygen --default",
    },
    { does: "generate a key file", line: "sopsmith keygen -o key.txt" },
    { does: "generate a post-quantum key", line: "sopsmith keygen -pq -o key.txt" },
    { does: "print the recipients of a key file", line: "sopsmith keygen -y key.txt" },
    { does: "print the recipient of an SSH key", line: "sopsmith keygen -y ~/.ssh/id_ed25519" },
    {
      does: "print the age recipient that belongs to an SSH key, as for NixOS",
      line: "sopsmith keygen --from-ssh ~/.ssh/id_ed25519.pub",
    },
  ],
  async run({ options, operands, host, streams }) {
    const isConversion = options.on(flags.convert) || options.on(flags.fromSsh);
    if (operands.length > (isConversion ? 1 : 0))
      throw new UsageError(
        isConversion
          ? "too many arguments: -y and --from-ssh read one key file"
          : "too many arguments: only -y and --from-ssh read a key file",
      );
    const output = options.text(flags.keyOutput);
    const { stdout, keys, warnings, notes } = await generate(
      {
        output: output === "" ? undefined : output,
        convert: options.on(flags.convert) ? { input: operands[0] } : undefined,
        fromSsh: options.on(flags.fromSsh) ? { input: operands[0] } : undefined,
        pq: options.on(flags.postQuantum),
        default: options.on(flags.defaultKeyFile),
        noAtomic: options.on(flags.noAtomic),
      },
      host,
      {
        readStdin: () => streams.readStdin(),
        createPrivateFile,
        appendToKeyFile,
        describeStdout,
      },
    );
    const asJson = options.on(flags.json);
    await streams.writeStdout(asJson ? keys.map((key) => `${JSON.stringify(key)}\n`) : [stdout]);
    for (const line of [...warnings, ...(asJson ? [] : notes)])
      streams.writeStderr(`${printable(line)}\n`);
  },
};
