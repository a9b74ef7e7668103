export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * What a shell reads to complete the command: it asks the command itself, by `__complete` and the words typed so far, and gets
 * a word a line, or the one line ":files" for names of files.
 */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# nightshift completion for bash: source <(nightshift completion bash)
_nightshift() {
  local line words=()
  # In bash "=" and ":" part words; to the command they belong to one.
  local cur="\${COMP_LINE:0:COMP_POINT}"
  read -r -a words <<<"\${cur}"
  [[ "\${cur}" == *" " ]] && words+=("")
  local last="\${words[-1]}" own="\${COMP_WORDS[COMP_CWORD]}"
  [[ "\${own}" == "=" || "\${own}" == ":" ]] && own=""
  local skip="\${last%"\${own}"}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ "\${line}" == ":files" ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "\${own}")
      return
    fi
    COMPREPLY+=("\${line#"\${skip}"}")
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _nightshift nightshift
`,
  zsh: `#compdef nightshift
# nightshift completion for zsh: source <(nightshift completion zsh)
_nightshift() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${found[1]}" == ":files" ]]; then
    _files
  elif [[ -n "\${found[1]}" ]]; then
    compadd -Q -- "\${found[@]}"
  fi
}
if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then
  _nightshift "$@"
else
  compdef _nightshift nightshift
fi
`,
  fish: `# nightshift completion for fish: nightshift completion fish | source
function __nightshift_complete
  set -l words (commandline -opc)
  set -l last (commandline -ct)
  set -l found ($words[1] __complete -- $words[2..-1] "$last" 2>/dev/null)
  if test "$found[1]" = ":files"
    __fish_complete_path "$last"
  else
    printf '%s\\n' $found
  end
end
complete -c nightshift -f -a '(__nightshift_complete)'
`,
};
