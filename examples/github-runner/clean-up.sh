#!/bin/bash
# Removes what the last job left behind: all objects with this runner's label, since a runner runs one job at a time. Uses
# the daemon's own socket, since the proxy may be gone. Images stay for the next job. The exit code 4 of reap means that
# something stays which others use.
set -euo pipefail
dockerd-ci-proxy reap --dockersocket "${DCP_DOCKER_SOCKET:-/var/run/docker.sock}" \
    --label "ci.runner=$RUNNER_NAME" --keep images || [ $? = 4 ]
