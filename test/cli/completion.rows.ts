import type { Row } from "./rows.ts";

const sealedNames = "sealed.bin\nsealed.env\nsealed.ini\nsealed.json\nsealed.yaml\n";
const paths = `["a"]\n["secret"]\n["l"]\n["l"][0]\n["l"][1]\n["l"][1]["k"]\n`;
const noKey = { SOPS_AGE_KEY: "" };

export const rows: readonly Row[] = [
  { line: "completion bash", stdout: /^complete .*-F _sopsmith sopsmith$/m },
  { line: "completion zsh", stdout: /^#compdef sopsmith\n/ },
  { line: "completion fish", stdout: /^complete -c sopsmith /m },
  {
    line: "completion powershell",
    stdout: /^Register-ArgumentCompleter -Native -CommandName sopsmith /m,
  },
  { line: "completion", stdout: /^COMMANDS:\n {3}bash /m },
  { line: "completion nushell", code: 3, stderr: /^No help topic for "nushell"\n/ },
  { line: "completion fihs", code: 3, stderr: /did you mean fish\?/ },
  { line: "help completion bash", stdout: /^ {3}sopsmith completion bash - /m },
  { line: "completion help zsh", stdout: /^ {3}sopsmith completion zsh - /m },
  { line: "completion --nope", code: 1, stderr: /^flag provided but not defined: -nope/ },
  // commands, flags, values
  { line: "__complete bash 1 dec", stdout: "decrypt\n" },
  { line: "__complete bash 2 completion f", stdout: "fish\n" },
  { line: "__complete bash 2 help rot", stdout: "rotate\n" },
  {
    line: "__complete bash 2 encrypt --enc",
    stdout:
      "--encryption-context\n--encrypted-suffix\n--encrypted-regex\n--encrypted-comment-regex\n",
  },
  { line: "__complete bash 1 --conf", stdout: "--config\n" },
  { line: "__complete zsh 2 exec-env --prist", stdout: /^--pristine\tpass the command / },
  { line: "__complete bash 3 decrypt --input-type j", stdout: "json\n" },
  { line: "__complete bash 4 decrypt --output-type = i", stdout: "ini\n" },
  { line: "__complete bash 3 exec-env --user nobod", stdout: "nobody\n" },
  // files
  { line: "__complete bash 2 decrypt s", env: noKey, stdout: sealedNames },
  { line: "__complete bash 3 decrypt -i sealed.j", stdout: "sealed.json\n" },
  { line: "__complete bash 2 updatekeys ''", env: noKey, stdout: sealedNames },
  { line: "__complete bash 3 publish --yes ''", stdout: sealedNames },
  { line: "__complete bash 4 groups add --file ''", stdout: sealedNames },
  { line: "__complete bash 4 groups delete -f sealed.e", stdout: "sealed.env\n" },
  { line: "__complete bash 3 groups delete ''", stdout: "" },
  { line: "__complete bash 3 set --file ''", stdout: sealedNames },
  {
    line: "__complete bash 2 encrypt plain.",
    stdout: "plain.bin\nplain.env\nplain.ini\nplain.json\nplain.yaml\n",
  },
  { line: "__complete bash 3 --config plain.json decr", stdout: "decrypt\n" },
  { line: "__complete bash 2 --config plain.j", stdout: "plain.json\n" },
  { line: "__complete bash 4 exec-env sealed.env -- pl", stdout: "" },
  // key paths
  {
    line: "__complete bash 3 set sealed.yaml '\"'",
    env: noKey,
    stdout: paths.replaceAll('"', '\\"'),
  },
  { line: `__complete fish 3 set sealed.yaml ''`, env: noKey, stdout: paths },
  { line: `__complete fish 4 unset -ignore-mac sealed.json '["s'`, stdout: `["secret"]\n` },
  {
    line: `__complete fish 3 decrypt --extract '["l"][' sealed.yaml`,
    stdout: paths.replace(/^(?:\["[as].*\n)+\["l"\]\n/, ""),
  },
  { line: `__complete zsh 3 set sealed.env ''`, stdout: `'["A"]'\n'["SECRET"]'\n` },
  { line: "__complete fish 3 set bad.yaml ''", stdout: "" },
  { line: "__complete fish 4 set sealed.yaml x ''", stdout: "" },
  // what the scripts of sops ask for
  { line: "--generate-bash-completion", stdout: /^encrypt\ndecrypt\n(?:\S+\n)+help\nh\n$/ },
  {
    line: "completion --generate-bash-completion",
    stdout: "bash\nzsh\nfish\npowershell\nhelp\nh\n",
  },
  { line: "decrypt --input --generate-bash-completion", stdout: "--input-type\n" },
  { line: "decrypt sealed.yaml --generate-bash-completion", stdout: "" },
  {
    line: "--generate-bash-completion",
    env: { _CLI_ZSH_AUTOCOMPLETE_HACK: "1" },
    stdout: /^decrypt:decrypt a file/m,
  },
];
