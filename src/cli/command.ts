import type { Chunks } from "../io/chunks.ts";
import type { Host } from "../io/host.ts";
import type { Flag } from "./flags.ts";
import type { Options } from "./options.ts";
import type { Shared } from "./call-cache.ts";

export type { Chunks };

/** Where a run reads and writes besides files. */
export interface Streams {
  /** All of stdin, up to its end. */
  readStdin(): Promise<Uint8Array>;
  /** Resolves when everything was handed to the system. */
  writeStdout(chunks: Chunks): Promise<void>;
  writeStderr(text: string): void;
  /**
   * Asks the user a question, on the terminal or through stdin and stdout.
   *
   * @param question with its `(y/n):`
   * @throws {SopsmithError} exit 1 when there is no answer
   */
  askYesNo(question: string): Promise<boolean>;
  /** stderr is a terminal and the user did not say no to colours. */
  readonly color: boolean;
  /** The same of stdout. */
  readonly colorStdout: boolean;
  /** stderr is a terminal on which a line can be drawn over. */
  readonly isTerminal: boolean;
}

/** One run of a command. */
export interface Call {
  readonly options: Options;
  /** Flags in front of the command; the same as `options` where there is no command. */
  readonly globals: Options;
  readonly operands: readonly string[];
  /** How many of the operands stand in front of `--`; undefined without it. */
  readonly separator?: number | undefined;
  readonly host: Host;
  readonly streams: Streams;
  /** What the files of a call with several files have in common. */
  readonly shared?: Shared;
}

/** `sealed` and `plain` are files; `path` is a place in the file before it, as `["key"][0]`; `command` is one of ours. */
export type OperandKind =
  | "sealed"
  | "plain"
  | "file"
  | "path"
  | "command"
  | "command line"
  | "none";

export interface Command {
  /** How the operands look in the help. */
  readonly operands: string;
  readonly flags: readonly Flag[];
  /** What shells complete each operand to; the last one stands for all further ones. Default: any file. */
  readonly completes?: readonly OperandKind[];
  /** Sentences for the help; one line each. */
  readonly notes: readonly string[];
  /** Exit status for a command line that is wrong; 1 where nothing else is said. */
  readonly usageStatus?: number;
  readonly examples: readonly { readonly does: string; readonly line: string }[];
  /** @throws {SopsmithError} whose exit code becomes the process's */
  run(call: Call): Promise<void>;
}

interface Listed {
  readonly name: string;
  readonly alias?: string;
  readonly summary: string;
}

export interface CommandEntry extends Listed {
  load(): Promise<Command>;
}

/** A word that stands in front of commands: `groups` of `groups add`. */
export interface CommandGroup extends Listed {
  /** What runs where no command of the group is named. */
  readonly main?: CommandEntry;
  readonly commands: readonly CommandEntry[];
}

export type Entry = CommandEntry | CommandGroup;

/** The registry of commands, in the order of the help. */
export const commands: readonly Entry[] = [
  {
    name: "encrypt",
    summary: "encrypt a file, or stdin",
    load: async () => (await import("./commands/encrypt.ts")).encrypt,
  },
  {
    name: "decrypt",
    summary: "decrypt a file, or stdin",
    load: async () => (await import("./commands/decrypt.ts")).decrypt,
  },
  {
    name: "edit",
    summary: "open an encrypted file, or a new one, in your editor",
    load: async () => (await import("./commands/edit.ts")).edit,
  },
  {
    name: "set",
    summary: "set one value of an encrypted file",
    load: async () => (await import("./commands/set.ts")).set,
  },
  {
    name: "unset",
    summary: "remove one value from an encrypted file",
    load: async () => (await import("./commands/unset.ts")).unset,
  },
  {
    name: "rotate",
    summary: "give a file a new data key; add and remove master keys",
    load: async () => (await import("./commands/rotate.ts")).rotate,
  },
  {
    name: "updatekeys",
    summary: "bring the master keys of files in step with .sops.yaml",
    load: async () => (await import("./commands/updatekeys.ts")).updatekeys,
  },
  {
    name: "groups",
    summary: "change the key groups of a file",
    commands: [
      {
        name: "add",
        summary: "add a key group to a file",
        load: async () => (await import("./commands/groups-add.ts")).groupsAdd,
      },
      {
        name: "delete",
        summary: "delete a key group from a file",
        load: async () => (await import("./commands/groups-delete.ts")).groupsDelete,
      },
    ],
  },
  {
    name: "exec-env",
    summary: "run a command with the values of a file in its environment",
    load: async () => (await import("./commands/exec-env.ts")).execEnv,
  },
  {
    name: "exec-file",
    summary: "run a command with the name of a decrypted file, which is gone afterwards",
    load: async () => (await import("./commands/exec-file.ts")).execFile,
  },
  {
    name: "publish",
    summary: "send files to S3, Google Cloud Storage or Vault",
    load: async () => (await import("./commands/publish.ts")).publish,
  },
  {
    name: "keyservice",
    summary: "let others use the keys of this machine",
    load: async () => (await import("./commands/keyservice.ts")).keyservice,
  },
  {
    name: "filestatus",
    summary: "tell whether a file is encrypted",
    load: async () => (await import("./commands/filestatus.ts")).filestatus,
  },
  {
    name: "git",
    summary: "show plain text in git diff to those who have a key",
    commands: [
      {
        name: "install",
        summary: "set this clone up",
        load: async () => (await import("./commands/git-setup.ts")).gitInstall,
      },
      {
        name: "uninstall",
        summary: "take that back",
        load: async () => (await import("./commands/git-setup.ts")).gitUninstall,
      },
      {
        name: "textconv",
        summary: "print a file in clear, for git diff",
        load: async () => (await import("./commands/git-setup.ts")).gitTextconv,
      },
    ],
  },
  {
    name: "keygen",
    summary: "make an age key",
    load: async () => (await import("./commands/keygen.ts")).keygen,
  },
  {
    name: "terraform",
    summary: "turn Kubernetes manifests into Terraform, and back",
    load: async () => (await import("./commands/terraform.ts")).terraform,
  },
  {
    name: "operator",
    summary: "run the Kubernetes controller that turns SopsSecrets into Secrets",
    main: {
      name: "operator",
      summary: "run the Kubernetes controller that turns SopsSecrets into Secrets",
      load: async () => (await import("./commands/operator.ts")).operator,
    },
    commands: [
      {
        name: "render",
        summary: "print the Secrets that the operator would make, without a cluster",
        load: async () => (await import("./commands/operator-render.ts")).operatorRender,
      },
    ],
  },
  {
    name: "k8s",
    summary: "work on SopsSecret manifests",
    commands: [
      {
        name: "encrypt",
        summary: "turn plain Secrets into one encrypted SopsSecret",
        load: async () => (await import("./commands/k8s.ts")).k8sEncrypt,
      },
      {
        name: "decrypt",
        summary: "turn an encrypted SopsSecret back into plain Secrets",
        load: async () => (await import("./commands/k8s.ts")).k8sDecrypt,
      },
      {
        name: "check",
        summary: "find without a key what the API server or the operator would refuse",
        load: async () => (await import("./commands/k8s-check.ts")).k8sCheck,
      },
      {
        name: "fix",
        summary: "put a SopsSecret into the order that makes its MAC checkable in a cluster",
        load: async () => (await import("./commands/k8s-fix.ts")).k8sFix,
      },
      {
        name: "migrate",
        summary: "bring SopsSecrets of v1alpha1 and v1alpha2 up to v1alpha3",
        load: async () => (await import("./commands/k8s-fix.ts")).k8sMigrate,
      },
      {
        name: "crd",
        summary: "print the CustomResourceDefinition",
        load: async () => (await import("./commands/k8s-check.ts")).k8sCrd,
      },
    ],
  },
  {
    name: "completion",
    summary: "print the script that lets a shell complete our command lines",
    commands: (["bash", "zsh", "fish", "powershell"] as const).map((shell) => ({
      name: shell,
      summary: `print the script for ${shell === "powershell" ? "PowerShell" : shell}`,
      load: async () => (await import("./commands/completion.ts")).completionFor(shell),
    })),
  },
  {
    name: "help",
    alias: "h",
    summary: "show the commands, or help for one command",
    load: async () => (await import("./commands/help.ts")).help,
  },
];

/** The entry of this name or alias among the commands, or among those of a group. */
export function findCommand<E extends Listed>(
  name: string | undefined,
  among: readonly E[],
): E | undefined {
  return name === undefined
    ? undefined
    : among.find((entry) => entry.name === name || entry.alias === name);
}

/** A command with all the words that name it: `groups add`. */
export interface NamedCommand {
  readonly name: string;
  readonly entry: CommandEntry;
}
