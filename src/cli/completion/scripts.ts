/** What `eval "$(tunnels completion SHELL)"` runs. The shell asks `tunnels __complete` and quotes what it is told. */

/** `@{` stands for the shells' own `$` and `{`, which would be TypeScript's here. */
const shell = (text: TemplateStringsArray): string => (text.raw[0] ?? '').replaceAll('@{', '$' + '{');

/** The first line of an answer is `words`, `files` or `command N`; each other one is a value, a tab and what it is. */
const BASH = shell`# bash completion for tunnels. Load it with: eval "$(tunnels completion bash)"
_tunnels() {
  local rest=@{COMP_LINE:0:COMP_POINT} word line kind done='' i n=0
  local -a words=()
  COMPREPLY=()
  # Bash also breaks words at : and =, which are parts of one here.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=@{COMP_WORDS[i]}
    if [[ $i -eq 0 || $rest == [[:space:]]* ]]; then
      rest=@{rest#"@{rest%%[![:space:]]*}"}
      words[n++]=''
    fi
    [[ $i -eq $COMP_CWORD ]] && word=$rest
    rest=@{rest#"$word"}
    words[n-1]+=$word
  done
  word=@{words[n-1]}
  for line in : =; do
    [[ $word == [\'\"]* ]] && break
    [[ $COMP_WORDBREAKS == *$line* && $word == *$line* && @{#word} -gt @{#done} ]] || continue
    rest=@{word%"$line"*}$line
    [[ @{#rest} -gt @{#done} ]] && done=$rest
  done
  i=0
  while IFS= read -r line; do
    if ((i++ == 0)); then
      kind=$line
      continue
    fi
    line=@{line%%$'\t'*}
    line=@{line#"$done"}
    # Within quotes that are open, the text is taken as it is.
    [[ $word == [\'\"]* ]] || printf -v line %q "$line"
    COMPREPLY+=("$line")
  done < <("@{COMP_WORDS[0]/#\~/$HOME}" __complete bash -- "@{words[@]:1}" 2>/dev/null </dev/null)
  case $kind in
    files)
      compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "@{COMP_WORDS[COMP_CWORD]}"))
      ;;
    command*)
      for ((i = 0; i < COMP_CWORD; i++)); do [[ @{COMP_WORDS[i]} == -- ]] && break; done
      if declare -F _command_offset >/dev/null; then
        _command_offset $((i + 1))
      elif ((COMP_CWORD == i + 1)); then
        COMPREPLY=($(compgen -c -- "$word"))
      else
        compopt -o default 2>/dev/null
      fi
      ;;
  esac
}
complete -F _tunnels tunnels
`;

const ZSH = shell`#compdef tunnels
# zsh completion for tunnels. Load it with: eval "$(tunnels completion zsh)", after compinit
_tunnels() {
  local -a lines entries before
  local line kind
  ((CURRENT > 2)) && before=("@{(@Q)words[2,CURRENT-1]}")
  lines=("@{(@f)$("@{(Q)words[1]}" __complete zsh -- "@{before[@]}" "@{(Q)PREFIX}" 2>/dev/null </dev/null)}")
  kind=@{lines[1]}
  case $kind in
    files)
      [[ $PREFIX == --*=* ]] && compset -P '*='
      _files
      ;;
    command*)
      line=$(( @{kind#command } + 1 ))
      shift $line words
      ((CURRENT -= line))
      _normal
      ;;
    words)
      for line in "@{(@)lines[2,-1]}"; do
        entries+=("@{@{line%%$'\t'*}//:/\\:}:@{line#*$'\t'}")
      done
      _describe -t tunnels tunnels entries
      ;;
  esac
}
if [[ @{funcstack[1]} == _tunnels ]]; then
  _tunnels "$@"
else
  compdef _tunnels tunnels
fi
`;

const FISH = shell`# fish completion for tunnels. Load it with: tunnels completion fish | source
function __tunnels_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l lines (command $before[1] __complete fish -- $before[2..] $word 2>/dev/null </dev/null)
    switch "$lines[1]"
        case files
            if string match -q -- '--*=*' $word
                set -l flag (string replace -r '=.*' '=' -- $word)
                for path in (__fish_complete_path (string replace -r '^[^=]*=' '' -- $word))
                    echo -- $flag$path
                end
            else
                __fish_complete_path $word
            end
        case 'command *'
            set -l from (math (string replace 'command ' '' -- $lines[1]) + 2)
            complete -C (string join ' ' -- (string escape -- $before[$from..]) $word)
        case words
            printf '%s\n' $lines[2..]
    end
end
complete -c tunnels -f -k -a '(__tunnels_complete)'
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;

export type Shell = keyof typeof SCRIPTS;
export const SHELLS = ['bash', 'zsh', 'fish'] as const satisfies readonly Shell[];
