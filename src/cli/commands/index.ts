import type { Entry } from "../command.ts";

/** The registry of commands, in the order of the help. */
export const commands: readonly Entry[] = [
  {
    name: "encrypt",
    summary: "encrypt a file, or stdin",
    load: async () => (await import("./encrypt.ts")).encrypt,
  },
  {
    name: "decrypt",
    summary: "decrypt a file, or stdin",
    load: async () => (await import("./decrypt.ts")).decrypt,
  },
  {
    name: "get",
    summary: "print one value of an encrypted file",
    load: async () => (await import("./get.ts")).get,
  },
  {
    name: "edit",
    summary: "open an encrypted file, or a new one, in your editor",
    load: async () => (await import("./edit.ts")).edit,
  },
  {
    name: "set",
    summary: "set one value of an encrypted file",
    load: async () => (await import("./set.ts")).set,
  },
  {
    name: "unset",
    summary: "remove one value from an encrypted file",
    load: async () => (await import("./unset.ts")).unset,
  },
  {
    name: "rotate",
    summary: "give a file a new data key; add and remove master keys",
    load: async () => (await import("./rotate.ts")).rotate,
  },
  {
    name: "updatekeys",
    summary: "update the master keys of files to match .sops.yaml",
    load: async () => (await import("./updatekeys.ts")).updatekeys,
  },
  {
    name: "groups",
    summary: "change the key groups of a file",
    commands: [
      {
        name: "add",
        summary: "add a key group to a file",
        load: async () => (await import("./groups-add.ts")).groupsAdd,
      },
      {
        name: "delete",
        summary: "delete a key group from a file",
        load: async () => (await import("./groups-delete.ts")).groupsDelete,
      },
    ],
  },
  {
    name: "layout",
    summary: "keep a file's own layout, or switch to the layout of sops",
    load: async () => (await import("./layout.ts")).layout,
  },
  {
    name: "run",
    summary: "run a command with the values of layered files, and keep secrets out of its output",
    load: async () => (await import("./run.ts")).run,
  },
  {
    name: "types",
    summary: "write TypeScript declarations of encrypted files, without a key",
    load: async () => (await import("./types.ts")).types,
  },
  {
    name: "exec-env",
    summary: "run a command with the values of a file in its environment",
    load: async () => (await import("./exec-env.ts")).execEnv,
  },
  {
    name: "exec-file",
    summary: "run a command with the path of a temporary decrypted file",
    load: async () => (await import("./exec-file.ts")).execFile,
  },
  {
    name: "publish",
    summary: "send files to S3, Google Cloud Storage or Vault",
    load: async () => (await import("./publish.ts")).publish,
  },
  {
    name: "keyservice",
    summary: "let other programs use the keys of this machine",
    load: async () => (await import("./keyservice.ts")).keyservice,
  },
  {
    name: "filestatus",
    summary: "say whether a file is encrypted",
    load: async () => (await import("./filestatus.ts")).filestatus,
  },
  {
    name: "check",
    summary: "find unencrypted secrets, broken files and wrong recipients, without a key",
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "diff",
    summary: "show what changed in encrypted files, without a key",
    load: async () => (await import("./diff.ts")).diff,
  },
  {
    name: "explain",
    summary: "explain which creation rule applies to a file, and why a value is encrypted",
    load: async () => (await import("./explain.ts")).explain,
  },
  {
    name: "who",
    summary: "show who can open which encrypted file",
    load: async () => (await import("./who.ts")).who,
  },
  {
    name: "grant",
    summary: "let somebody open files: updates .sops.yaml and the files",
    load: async () => (await import("./grant.ts")).grant,
  },
  {
    name: "revoke",
    summary: "take somebody's access away, and list what to change at its source",
    load: async () => (await import("./revoke.ts")).revoke,
  },
  {
    name: "secrets",
    summary: "examine the values of encrypted files without a key",
    commands: [
      {
        name: "age",
        summary: "list values by the time since they last changed",
        load: async () => (await import("./secrets-age.ts")).secretsAge,
      },
    ],
  },
  {
    name: "git",
    summary: "show plain text in git diff to those who have a key",
    commands: [
      {
        name: "install",
        summary: "set up this clone for diffs and merges of encrypted files",
        load: async () => (await import("./git-setup.ts")).gitInstall,
      },
      {
        name: "uninstall",
        summary: "undo git install",
        load: async () => (await import("./git-setup.ts")).gitUninstall,
      },
      {
        name: "textconv",
        summary: "print a decrypted file, for git diff",
        load: async () => (await import("./git-setup.ts")).gitTextconv,
      },
      {
        name: "merge",
        summary: "merge the values of two branches, for git merge",
        load: async () => (await import("./git-merge.ts")).gitMerge,
      },
    ],
  },
  {
    name: "mergetool",
    summary: "resolve merge conflicts in encrypted files",
    load: async () => (await import("./mergetool.ts")).mergetool,
  },
  {
    name: "init",
    summary: "set up what is missing: a key, .sops.yaml, Git, a first file",
    load: async () => (await import("./init.ts")).init,
  },
  {
    name: "doctor",
    summary: "find out why something does not work here, and what to do",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "keygen",
    summary: "generate an age key",
    load: async () => (await import("./keygen.ts")).keygen,
  },
  {
    name: "terraform",
    summary: "turn Kubernetes manifests into Terraform, and back",
    load: async () => (await import("./terraform.ts")).terraform,
  },
  {
    name: "operator",
    summary: "run the Kubernetes controller that turns SopsSecrets into Secrets",
    main: {
      name: "operator",
      summary: "run the Kubernetes controller that turns SopsSecrets into Secrets",
      load: async () => (await import("./operator.ts")).operator,
    },
    commands: [
      {
        name: "render",
        summary: "print the Secrets that the operator would make, without a cluster",
        load: async () => (await import("./operator-render.ts")).operatorRender,
      },
    ],
  },
  {
    name: "k8s",
    summary: "work on SopsSecret manifests",
    commands: [
      {
        name: "encrypt",
        summary: "turn plain Secrets and ConfigMaps into one encrypted SopsSecret",
        load: async () => (await import("./k8s.ts")).k8sEncrypt,
      },
      {
        name: "decrypt",
        summary: "turn an encrypted SopsSecret back into plain Secrets",
        load: async () => (await import("./k8s.ts")).k8sDecrypt,
      },
      {
        name: "check",
        summary: "find what the API server or the operator would refuse, without a key",
        load: async () => (await import("./k8s-check.ts")).k8sCheck,
      },
      {
        name: "fix",
        summary: "sort a SopsSecret so that its MAC can be checked in a cluster",
        load: async () => (await import("./k8s-fix.ts")).k8sFix,
      },
      {
        name: "migrate",
        summary: "convert SopsSecrets of v1alpha1 and v1alpha2 to v1alpha3",
        load: async () => (await import("./k8s-fix.ts")).k8sMigrate,
      },
      {
        name: "crd",
        summary: "print the CustomResourceDefinition",
        load: async () => (await import("./k8s-check.ts")).k8sCrd,
      },
    ],
  },
  {
    name: "krm",
    summary: "decrypt for kustomize, instead of KSOPS",
    load: async () => (await import("./krm.ts")).krm,
  },
  {
    name: "completion",
    summary: "print the script that lets a shell complete sopsmith commands",
    commands: (["bash", "zsh", "fish", "powershell"] as const).map((shell) => ({
      name: shell,
      summary: `print the script for ${shell === "powershell" ? "PowerShell" : shell}`,
      load: async () => (await import("./completion.ts")).completionFor(shell),
    })),
  },
  {
    name: "help",
    alias: "h",
    summary: "show the commands, or help for one command",
    load: async () => (await import("./help.ts")).helpAmong(commands),
  },
];
