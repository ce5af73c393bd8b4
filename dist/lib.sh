# Functions of the release scripts. Sourced, not run.
# shellcheck shell=bash

# The working directory is the top of the tree.
. tests/engine/lib.sh

name=dockerd-ci-proxy
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
# The results do not depend on the time, the machine, the folder or the user: all times are that of the
# commit, and all modes are explicit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH version name
export LC_ALL=C TZ=UTC
umask 022

# debian_arch TARGET: prints the name of the architecture in Debian and Docker.
debian_arch() {
    case $1 in
        x86_64-*) echo amd64 ;;
        aarch64-*) echo arm64 ;;
        *) say "no release is made for $1"; return 2 ;;
    esac
}

# archive FOLDER [OPTION...]: writes the folder as a reproducible tar to standard output.
archive() {
    tar --create --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --numeric-owner \
        --owner=0 --group=0 --directory "$1" "${@:2}" .
}

sha256() { sha256sum "$@" | cut -d' ' -f1; }
