# Bash completion for dockerd-ci-proxy. Generated from its table of flags.
# shellcheck shell=bash

_dockerd_ci_proxy() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} value=
    # Bash splits --flag=value into three words.
    if [ "$cur" = = ]; then
        cur='' value=yes
    elif [ "$prev" = = ]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]} value=yes
    fi
    COMPREPLY=()
    case $prev in
        --config)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        --dockersocket | --ds)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        --listensocket | --ls)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        --label)
            :
            ;;
        --image-labels)
            mapfile -t COMPREPLY < <(compgen -W 'all none' -- "$cur")
            ;;
        --cgroup-parent)
            mapfile -t COMPREPLY < <(compgen -W 'self caller none' -- "$cur")
            ;;
        --build-cgroup-parent)
            mapfile -t COMPREPLY < <(compgen -W 'inherit none caller' -- "$cur")
            ;;
        --map-paths)
            mapfile -t COMPREPLY < <(compgen -W 'caller none' -- "$cur")
            ;;
        --map-path)
            :
            ;;
        --socket-bind)
            mapfile -t COMPREPLY < <(compgen -W 'rewrite refuse pass' -- "$cur")
            ;;
        --socket-bind-source)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        --anonymous-volumes)
            mapfile -t COMPREPLY < <(compgen -W 'label leave' -- "$cur")
            ;;
        --job-socket)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        --reap-delay)
            :
            ;;
        --policy)
            mapfile -t COMPREPLY < <(compgen -W 'conservative none' -- "$cur")
            ;;
        --socket-mode)
            :
            ;;
        --socket-owner)
            mapfile -t COMPREPLY < <(compgen -u -- "$cur")
            ;;
        --socket-group)
            mapfile -t COMPREPLY < <(compgen -g -- "$cur")
            ;;
        --drain-time)
            :
            ;;
        --log-format)
            mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur")
            ;;
        --stats-socket)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        --listener)
            :
            ;;
        --body)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        --preset)
            mapfile -t COMPREPLY < <(compgen -W 'conservative none' -- "$cur")
            ;;
        --older-than)
            :
            ;;
        --keep)
            :
            ;;
        --grace)
            :
            ;;
        --format)
            mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur")
            ;;
        --timeout)
            :
            ;;
        --labelname | --ln)
            :
            ;;
        --labelvalue | --lv)
            :
            ;;
        *)
            [ -n "$value" ] || mapfile -t COMPREPLY < <(compgen -W '
                --config
                --dockersocket
                --ds
                --listensocket
                --ls
                --label
                --image-labels
                --cgroup-parent
                --build-cgroup-parent
                --map-paths
                --map-path
                --map-paths-strict
                --socket-bind
                --socket-bind-source
                --anonymous-volumes
                --job-socket
                --reap-when-gone
                --reap-on-exit
                --reap-delay
                --mark
                --strict
                --policy
                --no-buildkit
                --socket-mode
                --socket-owner
                --socket-group
                --drain-time
                --debug
                -d
                --log-format
                --stats-socket
                --check
                --listener
                --body
                --preset
                --older-than
                --keep
                --grace
                --dry-run
                --format
                --timeout
                --help
                -h
                --version
                -v
                --labelname
                --ln
                --labelvalue
                --lv
                --cgroupparent
                --cp
                run
                reap
                explain
                status
                help
                ' -- "$cur")
            ;;
    esac
}
complete -F _dockerd_ci_proxy dockerd-ci-proxy
