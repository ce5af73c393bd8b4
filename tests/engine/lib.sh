# Functions of the scripts that need a Docker engine. Sourced, not run.
# shellcheck shell=bash

# Debian has dockerd and ip in folders that only root's PATH contains.
PATH=$HOME/.cargo/bin:$PATH:/usr/sbin:/sbin

engine_scripts=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

say() { printf '%s\n' "$*" >&2; }

# as_root COMMAND...: runs the command as root, through sudo if needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need COMMAND=PACKAGE...: installs the package of each missing command, and adds it to the
# array `installed`.
installed=()
need() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || { say "please install: ${missing[*]}"; return 1; }
    say "installing ${missing[*]} ..."
    apt_install "${missing[@]}"
    installed+=("${missing[@]}")
}

# A package with a service starts it, unless policy-rc.d forbids that. Only the program is
# needed: the scripts start and stop their own daemons.
apt_install() {
    local policy=/usr/sbin/policy-rc.d made_policy='' status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made_policy=yes
    fi
    quietly as_root apt-get -qq update && quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install "$@" || status=$?
    [ -z "$made_policy" ] || as_root rm -f "$policy"
    return "$status"
}

# quietly COMMAND...: prints the output of the command only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" </dev/null >"$log" 2>&1 || status=$?
    [ "$status" = 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# need_rust: installs cargo and the toolchain of rust-toolchain.toml.
need_rust() {
    need cc=build-essential
    if ! command -v cargo >/dev/null; then
        need curl=curl update-ca-certificates=ca-certificates
        say "installing Rust with rustup ..."
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -q -y --profile minimal --default-toolchain none >&2
        installed+=(rustup)
    fi
    # Fails if rustup is installed but the pinned toolchain is not.
    cargo --version >/dev/null 2>&1 || rustup toolchain install >&2
}

# need_docker: installs the docker command, which newer Debians ship apart from the daemon.
need_docker() {
    command -v docker >/dev/null || need dockerd=docker.io
    need docker=docker-cli
}

# need_buildx: sets DCP_TEST_BUILDX_CLI to a docker command with buildx. If this machine's has none, one of a
# later Debian is unpacked beside it.
need_buildx() {
    [ -z "${DCP_TEST_BUILDX_CLI:-}" ] || return 0
    DCP_TEST_BUILDX_CLI=docker
    if ! docker buildx version >/dev/null 2>&1; then
        local clients
        clients=$("$engine_scripts/unpack" clients-trixie trixie docker-cli docker-buildx docker-compose)
        DCP_TEST_BUILDX_CLI=$clients/usr/bin/docker
    fi
    export DCP_TEST_BUILDX_CLI
}

# commands FILE NAME: prints the commands under the comment `<!-- NAME -->` of the file.
commands() {
    awk -v mark="<!-- $2 -->" '
        $0 == mark { found = 1 }
        found && /^```/ { if (inside) exit; inside = 1; next }
        inside' "$1" | grep . || { say "no commands under <!-- $2 --> in $1"; return 1; }
}

# answers SOCKET: succeeds if a Docker daemon answers there.
answers() {
    docker --host "unix://$1" version >/dev/null 2>&1
}

# need_engine DIR: sets `socket` to that of a daemon that answers. If this machine has none,
# starts one under DIR and sets `engine` to DIR, for `tests/engine/down`.
need_engine() {
    socket=${DCP_TEST_DOCKER_SOCKET:-/var/run/docker.sock}
    engine=''
    ! answers "$socket" || return 0
    say "no Docker daemon answers on $socket: starting one temporarily"
    need dockerd=docker.io ip=iproute2
    # shellcheck disable=SC2034 # for the caller
    engine=$1
    socket=$("$engine_scripts/up" "$1")
}
