import { withSignals, type StopSignal } from "../../io/cleanup.ts";
import { signalName } from "../../io/signal-name.ts";
import { localKeyService } from "../../key-service/key-service.ts";
import { serveKeys } from "../../key-service/server.ts";
import type { Command } from "../command.ts";
import * as flags from "../flags.ts";
import { info, warn } from "../warn.ts";

export const keyservice: Command = {
  operands: "",
  flags: [flags.network, flags.address, flags.prompt, flags.verboseHere],
  notes: [
    "Runs until it is stopped. Other machines or users can then encrypt and decrypt with the keys of this one, through --keyservice. There is no encryption and no authentication: anyone who can connect can use the keys. Keep it local, or tunnel it.",
  ],
  examples: [
    {
      does: "let a container use the keys of this account, and confirm each request",
      line: "sopsmith keyservice --network unix --address /run/user/1000/sops.sock --prompt",
    },
    {
      does: "decrypt through it",
      line: "sopsmith decrypt --enable-local-keyservice=false --keyservice unix:///run/user/1000/sops.sock secrets.yaml",
    },
  ],
  async run({ options, globals, operands, host, streams }) {
    if (operands.length > 0) warn(streams, "keyservice accepts no operands; they are ignored");
    const isVerbose = options.on(flags.verboseHere) || globals.on(flags.verbose);
    const network = options.text(flags.network);
    const address = options.text(flags.address);
    // Signals are caught before the service listens: one that comes at once must not leave the socket behind.
    let caught: (signal: StopSignal) => void;
    const stopSignal = new Promise<StopSignal>((resolve) => (caught = resolve));
    const serve = async (): Promise<void> => {
      const server = await serveKeys(
        {
          network: network === "" ? "tcp" : network,
          address: address === "" ? "127.0.0.1:5000" : address,
          keys: localKeyService,
          confirm: options.on(flags.prompt) ? (question) => streams.askYesNo(question) : undefined,
        },
        host,
      );
      if (isVerbose) info(streams, `Listening on ${server.uri}`);
      const signal = await stopSignal;
      if (isVerbose) info(streams, `Caught signal ${signalName(signal)}: shutting down.`);
      await server.stop();
    };
    await withSignals((signal) => {
      caught(signal);
      return "continue";
    }, serve);
  },
};
