#!/bin/bash
# Removes what the last job left behind: all objects with this runner's label, since a runner runs one job at a time. Uses
# the daemon's own socket, since the proxy may be gone.
set -euo pipefail
export DOCKER_HOST=unix://${DCP_DOCKER_SOCKET:-/var/run/docker.sock}
left=label=ci.runner=$RUNNER_NAME
docker ps --all --quiet --filter "$left" | xargs --no-run-if-empty docker rm --force --volumes
docker network prune --force --filter "$left"
docker volume ls --quiet --filter "$left" | xargs --no-run-if-empty docker volume rm
