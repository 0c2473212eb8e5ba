import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { sandboxFor } from "./rows.ts";
import { identities, plain, recipients, sealed, yamlText } from "./samples.ts";
import { shellProgram } from "./program-under-test.ts";

/**
 * The command lines that other tools run, with `sops` on PATH being sopsmith. Each names the project and where its line
 * stands. Tools that embed the Go library instead of running a program are listed with the line that does the same.
 */
interface Use {
  readonly tool: string;
  /** Shell text; `$A` is a recipient. */
  readonly line: string;
  /** What the line prints. */
  readonly prints?: string | RegExp;
  /** A file after the line. */
  readonly leaves?: readonly [name: string, content: string | RegExp];
}

const sealedText = /ENC\[AES256_GCM[^]*\bsops\b/;
const decryptSecret = `sops decrypt --extract '["secret"]'`;

const uses: readonly Use[] = [
  // jkroepke/helm-secrets, scripts/lib/backends/sops.sh
  {
    tool: "helm-secrets: decrypt, view, secrets:// of Argo CD",
    line: `sops --decrypt --input-type "yaml" --output-type "yaml" "sealed.yaml"`,
    prints: yamlText,
  },
  {
    tool: "helm-secrets: decrypt in place",
    line: `sops --decrypt --input-type "json" --output-type "json" --in-place "sealed.json"`,
    leaves: ["sealed.json", /"secret": "hello"/],
  },
  {
    tool: "helm-secrets: decrypt to a file, binary",
    line: `sops --decrypt --input-type "binary" --output-type "binary" --output "out.bin" "sealed.bin"`,
    leaves: ["out.bin", plain["plain.bin"].toString("utf8")],
  },
  {
    tool: "helm-secrets: decrypt a literal",
    line: "cat sealed.json | sops --decrypt --input-type 'json' --output-type 'json' /dev/stdin",
    prints: /"secret": "hello"/,
  },
  {
    tool: "helm-secrets: encrypt in place",
    line: `SOPS_AGE_RECIPIENTS=$A sops --encrypt --input-type "yaml" --output-type "yaml" --in-place "plain.yaml"`,
    leaves: ["plain.yaml", sealedText],
  },
  {
    tool: "helm-secrets: edit",
    line: `EDITOR='sed -i s/hello/edited/' sops --input-type yaml --output-type yaml "sealed.yaml" && ${decryptSecret} sealed.yaml`,
    prints: "edited",
  },
  {
    tool: "helm-secrets: find out whether a file is encrypted, by grep",
    line: "grep -q 'mac.*,type:str]' - < sealed.yaml && grep -xq 'sops:\\s*' sealed.yaml && echo yes",
    prints: "yes\n",
  },
  // Newer versions take what sops says on stderr for a part of the file.
  {
    tool: "helm-secrets: decrypt, with fields in .sops.yaml that sops does not know",
    line: `printf 'team: x\\ncreation_rules: [{age: %s, colour: blue}]\\n' "$A" > .sops.yaml; sops --decrypt --input-type "yaml" --output-type "yaml" sealed.yaml 2>&1`,
    prints: yamlText,
  },
  {
    tool: "helm-secrets: encrypt, what is printed is the file",
    line: `cp conf.yaml .sops.yaml; sops --encrypt --input-type yaml --output-type yaml plain.yaml > new.yaml 2>&1; ${decryptSecret} new.yaml`,
    prints: "hello",
  },
  {
    tool: "helm-secrets: --backend-args, in front and given twice",
    line: `sops --verbose --output-type "yaml" --decrypt --input-type "yaml" --output-type "yaml" sealed.yaml 2>&1`,
    prints: /Data key recovered successfully[^]*\nsecret: hello\n/,
  },
  {
    tool: "helm-secrets: edit a new file, from its directory, whatever it is called",
    line: `mkdir 'a@b c\\$d'; cp conf.yaml 'a@b c\\$d/.sops.yaml'; cd 'a@b c\\$d'; EDITOR='cp ../plain.yaml' sops --input-type yaml --output-type yaml values 2>&1; ${decryptSecret} --input-type yaml values`,
    prints: "hello",
  },
  {
    tool: "helm-secrets: edit a new file without a rule, told by the message",
    line: "sops --input-type yaml --output-type yaml values 2>&1 | grep -o '^config file not found'",
    prints: "config file not found\n",
  },
  {
    tool: "helm-secrets: decrypt without a key",
    line: "SOPS_AGE_KEY= sops --decrypt --input-type yaml --output-type yaml --output out.yaml sealed.yaml 2>&1 | grep -o 'Failed to get the data key'; test ! -e out.yaml",
    prints: "Failed to get the data key\n",
  },
  // ansible-collections/community.sops, plugins/module_utils/sops.py
  {
    tool: "Ansible community.sops: lookup, load_vars",
    line: "sops --config conf.yaml --enable-local-keyservice --input-type yaml --output-type json --decrypt sealed.yaml",
    prints: /"secret": "hello"/,
  },
  {
    tool: "Ansible community.sops: filter plug-in",
    line: "sops --input-type yaml --output-type yaml --decrypt /dev/stdin < sealed.yaml",
    prints: yamlText,
  },
  {
    tool: "Ansible community.sops: sops_encrypt",
    line: "sops --config conf.yaml --age $A --encrypted-regex ^secret --shamir-secret-sharing-threshold 1 --input-type json --output-type yaml --encrypt /dev/stdin < plain.json",
    prints: /a: 1\nsecret: ENC\[/,
  },
  {
    tool: "Ansible community.sops: its error for a file without a key",
    line: "SOPS_AGE_KEY= sops --decrypt sealed.yaml 2>/dev/null; echo $?",
    prints: "128\n",
  },
  // mmalyska/argocd-secret-replacer, SopsProcessWrapper.cs
  { tool: "Argo CD plug-in argocd-secret-replacer", line: "sops -d sealed.yaml", prints: yamlText },
  // viaduct-ai/kustomize-sops (ksops) and camptocamp/helm-sops embed the library: the format comes from the file's name
  { tool: "kustomize plug-in ksops", line: "sops decrypt sealed.env", prints: plain["plain.env"] },
  // ksops's envs and files: binary content under a name of its own
  {
    tool: "kustomize plug-ins: decryption of data in memory",
    line: "sops decrypt --filename-override x.yaml < sealed.yaml",
    prints: yamlText,
  },
  // kpt's sops function: `sops -d` and `sops -e` with the parameters of its configuration
  {
    tool: "kpt function sops: encrypt",
    line: "sops -e --unencrypted-regex ^a$ --age $A --input-type yaml --output-type yaml /dev/stdin < plain.yaml",
    prints: /\na: 1\nsecret: ENC\[/,
  },
  // gruntwork-io/terragrunt, sops_decrypt_file: the library's decrypt.File, format from the file's name, ini included
  {
    tool: "Terragrunt sops_decrypt_file, JSON",
    line: "sops decrypt sealed.json",
    prints: /"secret": "hello"/,
  },
  {
    tool: "Terragrunt sops_decrypt_file, INI",
    line: "sops -d sealed.ini",
    prints: /^\[s\]\nsecret = hello\n$/,
  },
  // signageos/vscode-sops, src/extension.ts: temporary files without an extension
  {
    tool: "VS Code vscode-sops: open",
    line: "cp sealed.yaml tmp1; sops --output-type yaml --input-type yaml --decrypt tmp1",
    prints: yamlText,
  },
  {
    tool: "VS Code vscode-sops: save, with an editor that copies",
    line: `cp sealed.yaml tmp1; sed s/hello/saved/ plain.yaml > tmp2; printf '#!/bin/sh\\ncp tmp2 "$1"\\n' > fake; chmod +x fake; EDITOR=./fake sops --output-type yaml --input-type yaml tmp1; cp tmp1 out.yaml; ${decryptSecret} out.yaml`,
    prints: "saved",
  },
  {
    tool: "VS Code vscode-sops: new file with the rule of its configuration",
    line: "sops --config conf.yaml --output-type yaml --input-type yaml --encrypt plain.yaml",
    prints: sealedText,
  },
  {
    tool: "VS Code vscode-sops: a file without a rule, told from other failures by the message",
    line: "sops --config norule.yaml --output-type yaml --input-type yaml --encrypt plain.yaml 2>&1 | grep -o 'no matching creation rules found'",
    prints: "no matching creation rules found\n",
  },
  // jsecchiero/vim-sops, plugin/sops.vim
  {
    tool: "vim-sops: may the file be decrypted? then edit through the running editor",
    line: `sops -d sealed.yaml > /dev/null && EDITOR='sed -i s/hello/vim/' sops sealed.yaml && ${decryptSecret} sealed.yaml`,
    prints: "vim",
  },
  {
    tool: "vim-sops: a plain file is opened as it is",
    line: "sops -d plain.yaml 2> /dev/null; echo $?",
    prints: "1\n",
  },
  // djgoku/sops for Emacs, sops.el
  {
    tool: "Emacs sops: version check",
    line: "SOPS_DISABLE_VERSION_CHECK=true sops --version",
    prints: /^sops 3\.13\.3/,
  },
  {
    tool: "Emacs sops: status",
    line: "SOPS_DISABLE_VERSION_CHECK=true sops filestatus sealed.ini",
    prints: `{"encrypted":true}\n`,
  },
  {
    tool: "Emacs sops: open a file of an overridden type",
    line: "cp sealed.env .envrc; sops decrypt --input-type dotenv --output-type dotenv .envrc",
    prints: plain["plain.env"],
  },
  {
    tool: "Emacs sops: save",
    line: `sops encrypt --filename-override sealed.yaml -a $A /dev/stdin < plain.yaml > new.yaml && ${decryptSecret} new.yaml`,
    prints: "hello",
  },
];

test.each(uses.map((use) => [use.tool, use] as const))("%s", (_, use) => {
  const box = sandboxFor(identities.A, {
    ...plain,
    ...sealed,
    "conf.yaml": `creation_rules:\n  - age: ${recipients.A}\n`,
    "norule.yaml": `creation_rules:\n  - path_regex: nothing\n    age: ${recipients.A}\n`,
  });
  onTestFinished(() => box.remove());
  mkdirSync(box.path("bin"));
  box.write("bin/sops", `#!/bin/sh\nexec ${shellProgram} "$@"\n`);
  const env = {
    ...box.env,
    PATH: `${box.path("bin")}:${box.env["PATH"] ?? ""}`,
    A: recipients.A,
  };
  const line = `chmod +x bin/sops; ${use.line}`;
  const result = spawnSync("sh", ["-c", line], { cwd: box.dir, env, encoding: "utf8", input: "" });
  const prints = use.prints ?? "";
  if (typeof prints === "string") expect([result.stdout, result.stderr]).toEqual([prints, ""]);
  else expect(result.stdout, result.stderr).toMatch(prints);
  expect(result.status).toBe(0);
  if (use.leaves === undefined) return;
  const [name, content] = use.leaves;
  if (typeof content === "string") expect(box.read(name)).toBe(content);
  else expect(box.read(name)).toMatch(content);
});
