# SPDX-License-Identifier: Apache-2.0
# bash completion for xschedctl

# PIDs that xschedd schedules; nothing where it does not run.
_xschedctl_targets() {
  xschedctl list 2>/dev/null | awk 'NR > 1 { print $1; print $1 ":" $3 }' | sort -u
  echo all
}

_xschedctl() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' i
  local commands='info list run set policy suspend resume doctor'
  # PID:XQ is three words to readline, but one target.
  if declare -F __ltrim_colon_completions >/dev/null; then
    _get_comp_words_by_ref -n : cur prev
  fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --socket) i=$((i + 1)) ;;
      -*) ;;
      *)
        command=${COMP_WORDS[i]}
        break
        ;;
    esac
  done
  # Behind run's options stands another program's command line.
  if [ "$command" = run ]; then
    for ((i = i + 1; i < COMP_CWORD; i++)); do
      case ${COMP_WORDS[i]} in
        --) ;;
        -*) i=$((i + 1)); continue ;;
      esac
      if declare -F _command_offset >/dev/null; then
        [ "${COMP_WORDS[i]}" != -- ] || i=$((i + 1))
        _command_offset "$i"
      fi
      return
    done
  fi
  case $prev in
    --socket | --shim)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
      ;;
    --engine) mapfile -t COMPREPLY < <(compgen -W 'auto kmod kfd gate' -- "$cur"); return ;;
    --scheduler) mapfile -t COMPREPLY < <(compgen -W 'auto global local' -- "$cur"); return ;;
    --log) mapfile -t COMPREPLY < <(compgen -W 'off error warn info debug' -- "$cur"); return ;;
    --level) mapfile -t COMPREPLY < <(compgen -W '1 2 3' -- "$cur"); return ;;
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
    --active) mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur"); return ;;
    --priority | --by | --share | --window | --lease | --lease-ms | --stream-queues | --stream-priority) return ;;
  esac
  local options=''
  case $command in
    '') options="--socket --help $commands" ;;
    info | list) options='--json --help' ;;
    run)
      options='--priority --level --window --stream-queues --stream-priority --engine --scheduler
        --policy --lease-ms --log --shim --help --'
      ;;
    set) options='--priority --by --share --active --json --help' ;;
    policy) options='--json --help HPF HHPF CHPF UP PUP SPUP KEDF LAX AWF CFS MLFQ' ;;
    suspend) options='--lease --json --help' ;;
    resume) options='--json --help' ;;
    doctor) options='--user --json --help' ;;
  esac
  [ "$prev" != --policy ] || options='HPF HHPF CHPF UP PUP SPUP KEDF LAX AWF CFS MLFQ'
  case $command:$cur in
    set:-* | suspend:-* | resume:-*) ;;
    set:* | suspend:* | resume:*) options=$(_xschedctl_targets) ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "$cur"
  fi
}
complete -F _xschedctl xschedctl
