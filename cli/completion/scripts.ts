// The scripts that shells load: they ask `berth __complete` at every press of the key.

const bash = `# Completion of berth for bash: source <(berth completion bash)
_berth() {
  local cur words cword line IFS=$'\\n'
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n =: cur words cword
  else
    cur=\${COMP_WORDS[COMP_CWORD]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  COMPREPLY=()
  for line in $(berth __complete -- "\${words[@]:1:cword}" 2>/dev/null); do
    if [ "$line" = ":files" ]; then
      COMPREPLY=($(compgen -f -- "$cur"))
      compopt -o filenames 2>/dev/null
      return
    fi
    line=\${line%%$'\\t'*}
    case $line in "$cur"*) COMPREPLY+=("$line") ;; esac
  done
  case \${COMPREPLY[0]-} in *: | *=) [ \${#COMPREPLY[@]} = 1 ] && compopt -o nospace 2>/dev/null ;; esac
  declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -F _berth berth
`;

const zsh = `#compdef berth
# Completion of berth for zsh: source <(berth completion zsh), or a file _berth in a folder of $fpath
_berth() {
  local line
  local -a found
  for line in "\${(@f)$(berth __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line ]] && continue
    if [[ $line = ":files" ]]; then _files; return; fi
    if [[ $line = *$'\\t'* ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    else
      found+=("\${line//:/\\\\:}")
    fi
  done
  _describe 'berth' found
}
if [ "$funcstack[1]" = "_berth" ]; then _berth "$@"; else compdef _berth berth; fi
`;

const fish = `# Completion of berth for fish: berth completion fish > ~/.config/fish/completions/berth.fish
function __berth_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (berth __complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c berth -f -a '(__berth_complete)'
`;

export const completionScripts: Readonly<Record<string, string>> = { bash, zsh, fish };
