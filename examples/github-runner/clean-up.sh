#!/bin/bash
# Removes what the job that has just ended left behind: all that has this runner's label, as a runner does one job at a
# time. It asks the daemon itself, as the proxy may be gone.
set -euo pipefail
export DOCKER_HOST=unix://${DCP_DOCKER_SOCKET:-/var/run/docker.sock}
left=label=ci.runner=$RUNNER_NAME
docker ps --all --quiet --filter "$left" | xargs --no-run-if-empty docker rm --force --volumes
docker network prune --force --filter "$left"
docker volume ls --quiet --filter "$left" | xargs --no-run-if-empty docker volume rm
