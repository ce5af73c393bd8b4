# What the scripts that need a Docker engine share. Sourced, not run.
# shellcheck shell=bash

# Debian keeps dockerd and ip where only root's PATH looks.
PATH=$HOME/.cargo/bin:$PATH:/usr/sbin:/sbin

engine_scripts=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

say() { printf '%s\n' "$*" >&2; }

# as_root COMMAND...: runs it as root, through sudo where that is needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need COMMAND=PACKAGE...: installs the package of each command that is missing.
# What it installed is added to the array `installed`.
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

# A package that brings a service starts it, unless policy-rc.d forbids it. We
# want the program alone: a daemon that we start can be ended again by us.
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

# quietly COMMAND...: shows what it writes only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" </dev/null >"$log" 2>&1 || status=$?
    [ "$status" = 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# need_rust: cargo, and the toolchain that rust-toolchain.toml names.
need_rust() {
    need cc=build-essential
    if ! command -v cargo >/dev/null; then
        need curl=curl update-ca-certificates=ca-certificates
        say "installing Rust with rustup ..."
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -q -y --profile minimal --default-toolchain none >&2
        installed+=(rustup)
    fi
    # Says no where rustup is there but the pinned toolchain is not.
    cargo --version >/dev/null 2>&1 || rustup toolchain install >&2
}

# need_docker: the docker command. Newer Debians ship it apart from the daemon.
need_docker() {
    command -v docker >/dev/null || need dockerd=docker.io
    need docker=docker-cli
}

# need_buildx: sets DCP_TEST_BUILDX_CLI to a docker command that has buildx. Where this machine's has
# none, one of a later Debian is unpacked beside it.
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

# commands FILE NAME: those under the comment `<!-- NAME -->` of the file, as they are written there.
commands() {
    awk -v mark="<!-- $2 -->" '
        $0 == mark { found = 1 }
        found && /^```/ { if (inside) exit; inside = 1; next }
        inside' "$1" | grep . || { say "no commands under <!-- $2 --> in $1"; return 1; }
}

# answers SOCKET: a Docker daemon answers there.
answers() {
    docker --host "unix://$1" version >/dev/null 2>&1
}

# need_engine DIR: sets `socket` to a daemon's that answers. Where there is none on this
# machine, one is started under DIR, and `engine` is set to DIR, for `tests/engine/down`.
need_engine() {
    socket=${DCP_TEST_DOCKER_SOCKET:-/var/run/docker.sock}
    engine=''
    ! answers "$socket" || return 0
    say "no Docker daemon answers on $socket: starting one for the while"
    need dockerd=docker.io ip=iproute2
    # shellcheck disable=SC2034 # for the caller
    engine=$1
    socket=$("$engine_scripts/up" "$1")
}
