/**
 * The shells that can complete our command line. Each script passes the words to `sopsmith __complete`, so that it need
 * not change when commands do.
 */
export const shells = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = (typeof shells)[number];

export const scripts: Record<Shell, string> = {
  bash: `# bash completion for sopsmith. Put this into ~/.bashrc:  source <(sopsmith completion bash)
_sopsmith() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <(sopsmith __complete bash "$COMP_CWORD" "\${COMP_WORDS[@]:1}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then
    compopt -o nospace 2>/dev/null
  fi
  compopt -o nosort 2>/dev/null
  return 0
}
complete -o bashdefault -o default -F _sopsmith sopsmith
`,
  zsh: `#compdef sopsmith
# zsh completion for sopsmith. Put this after compinit into ~/.zshrc:  source <(sopsmith completion zsh)
_sopsmith() {
  local line value
  local -a values shown folders
  for line in "\${(@f)$(sopsmith __complete zsh $((CURRENT - 1)) "\${(@)words[2,-1]}" 2>/dev/null)}"; do
    value="\${line%%$'\\t'*}"
    [[ -n "$value" ]] || continue
    if [[ "$value" == */ ]]; then
      folders+=("$value")
    else
      values+=("$value")
      if [[ "$line" == *$'\\t'?* ]]; then shown+=("$value  -- \${line#*$'\\t'}"); else shown+=("$value"); fi
    fi
  done
  if (( \${#values} + \${#folders} == 0 )); then
    _files
    return
  fi
  (( \${#folders} )) && compadd -Q -S '' -a folders
  (( \${#values} )) && compadd -Q -l -d shown -a values
}
if [[ "\${funcstack[1]}" == _sopsmith ]]; then
  _sopsmith "$@"
else
  compdef _sopsmith sopsmith
fi
`,
  fish: `# fish completion for sopsmith. Save it:  sopsmith completion fish > ~/.config/fish/completions/sopsmith.fish
function __sopsmith_complete
    set -l before (commandline -opc)
    set -l words $before[2..-1] (commandline -ct)
    sopsmith __complete fish (count $before) $words 2>/dev/null
end
complete -c sopsmith -f -a '(__sopsmith_complete)'
`,
  powershell: `# PowerShell completion for sopsmith. Put this into $PROFILE:  sopsmith completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName sopsmith -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | Select-Object -Skip 1 | ForEach-Object { "$_" })
  $at = $words.Count + 1
  sopsmith __complete powershell $at @words $wordToComplete 2>$null | ForEach-Object {
    $value, $about = $_ -split "\`t", 2
    if (-not $about) { $about = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
  }
}
`,
};
