# SPDX-License-Identifier: Apache-2.0
# fish completion for xschedctl

function __xschedctl_targets
    echo all
    xschedctl list 2>/dev/null | awk 'NR > 1 { print $1; print $1 ":" $3 }' | sort -u
end

set -l commands info list run set policy suspend resume doctor
set -l policies 'HPF HHPF CHPF UP PUP SPUP KEDF LAX AWF CFS MLFQ'

complete -c xschedctl -f
complete -c xschedctl -s h -l help -d help
complete -c xschedctl -l socket -r -F -d 'where xschedd listens'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a info -d 'the daemon, its policy, the engines in use'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a list -d 'every XQueue'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a run -d 'start a program under the shim'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a set -d 'change the priority of XQueues, or what a process gets'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a policy -d 'tell or change who runs'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a suspend -d 'suspend until ended, or for --lease'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a resume -d 'end suspends, whoever made them'
complete -c xschedctl -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'check this machine and say what to do'
complete -c xschedctl -n '__fish_seen_subcommand_from info list set policy suspend resume doctor' -l json -d 'for programs'

complete -c xschedctl -n '__fish_seen_subcommand_from run' -l priority -x -d '-255..255, higher is more urgent'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l level -x -a '1 2 3' -d 'highest level to use'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l window -x -d 'packets in flight under competition'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l stream-queues -x -d 'hardware queues for streams'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l stream-priority -x -d 'what a step of stream priority is worth'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l engine -x -a 'auto kmod kfd gate' -d 'how to suspend'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l scheduler -x -a 'auto global local' -d 'who decides'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l policy -x -a $policies -d 'of the local scheduler'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l lease-ms -x -d 'how long a silent xschedd is believed'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l log -x -a 'off error warn info debug' -d 'what to log'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -l shim -r -F -d 'another libshimhip.so'
complete -c xschedctl -n '__fish_seen_subcommand_from run' -xa '(__fish_complete_subcommand)'

complete -c xschedctl -n '__fish_seen_subcommand_from set' -l priority -x -d 'to this'
complete -c xschedctl -n '__fish_seen_subcommand_from set' -l by -x -d 'by so much'
complete -c xschedctl -n '__fish_seen_subcommand_from set' -l share -x -d 'percent of the GPU'
complete -c xschedctl -n '__fish_seen_subcommand_from set' -l active -x -a 'on off' -d 'somebody waits for it'
complete -c xschedctl -n '__fish_seen_subcommand_from suspend' -l lease -x -d milliseconds
complete -c xschedctl -n '__fish_seen_subcommand_from doctor' -l user -x -a '(__fish_complete_users)' -d 'whose permissions'
complete -c xschedctl -n '__fish_seen_subcommand_from policy' -a $policies
complete -c xschedctl -n '__fish_seen_subcommand_from set suspend resume' -a '(__xschedctl_targets)'
