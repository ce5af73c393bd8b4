# What the clients written in bash share. Sourced, not run.
# shellcheck shell=bash
#
# A client is a program: `CLIENT list` names its operations, `CLIENT NAME` plays one, in an
# empty folder, on the daemon of DOCKER_HOST. DIFF_IMAGE is an image with a shell. What an
# operation makes is looked at, and removed, by who plays it.
set -euo pipefail

# Unset only while listing.
# shellcheck disable=SC2034 # for the operations
image=${DIFF_IMAGE:-}

# fails COMMAND...: runs what is meant to fail, and tells how it ended.
fails() {
    local code=0
    "$@" || code=$?
    echo "exit code $code"
    [ "$code" != 0 ]
}

# until_it COMMAND...: waits till it succeeds, silently. Who plays an operation ends one that
# waits in vain.
until_it() {
    until "$@" >/dev/null 2>&1; do sleep 0.05; done
}

# until_running CONTAINER, and the same once it has said something.
until_running() { until_it is_running "$1"; }
is_running() { [ "$(docker inspect --format '{{.State.Running}}' "$1")" = true ]; }
until_it_said() { until_it said "$@"; }
said() { docker logs "$1" 2>&1 | grep -q "$2"; }

# pty COMMAND: runs it on a terminal of its own; type into stdin.
pty() { script --quiet --return --echo never --command "$1" /dev/null; }

# typed COMMAND LINE...: the same, and types a line whenever the shell in it asks for one.
# It does so with a question for the place of the cursor behind its prompt.
typed() {
    local command=$1 line count=0 keyboard terminal
    shift
    mkfifo keys
    pty "$command" <keys >screen &
    terminal=$!
    exec {keyboard}>keys
    for line in "$@"; do
        count=$((count + 1))
        until_it asked "$count"
        printf '%s\n' "$line" >&"$keyboard"
    done
    wait "$terminal" || echo "exit code $?"
    exec {keyboard}>&-
    cat screen
}
asked() { [ "$(grep --only-matching --fixed-strings '[6n' screen | wc -l)" -ge "$1" ]; }

# dockerfile LINE...: writes them.
dockerfile() { printf '%s\n' "$@" >Dockerfile; }

# One function for each operation.
main() {
    case ${1:?usage: list, or the name of an operation} in
        list) compgen -A function op_ | sed 's/^op_//' ;;
        *) "op_$1" ;;
    esac
}
