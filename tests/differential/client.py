"""The clients: how each is started, and what it needs around it."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "clients"
# From Debian's sid: what they can do may change any day.
MOVING = {"cli28", "buildx", "compose2"}


@dataclass
class Client:
    command: list
    # Folders to look for programs in, before all others.
    path: list = field(default_factory=list)
    # Plugins of the docker command.
    plugins: list = field(default_factory=list)
    variables: dict = field(default_factory=dict)

    def operations(self):
        """The names of all that it can play."""
        environment = {**os.environ, **self.variables}
        listed = subprocess.run([*self.command, "list"], check=True, stdout=subprocess.PIPE, text=True, env=environment)
        return listed.stdout.split()


def clients(python, node, modern):
    """All of them by name. The folders are what `run` has installed: a Python environment,
    Node modules, and the docker command and its plugins of today."""
    python, modern = python / "bin/python", modern / "usr"
    # Its image, which it starts beside all others, cannot be had without a registry.
    no_ryuk = {"TESTCONTAINERS_RYUK_DISABLED": "true"}
    modules = {"NODE_PATH": str(node / "node_modules")}
    old = {"path": ["/usr/bin"]}
    new = {"path": [str(modern / "bin")], "plugins": list((modern / "libexec/docker/cli-plugins").iterdir())}
    return {
        "cli20": Client([FOLDER / "docker"], **old),
        "cli28": Client([FOLDER / "docker"], **new),
        "buildx": Client([FOLDER / "buildx"], **new),
        "compose1": Client([FOLDER / "compose"], variables={"COMPOSE": "docker-compose"}, **old),
        "compose2": Client([FOLDER / "compose"], variables={"COMPOSE": "docker compose"}, **new),
        "curl": Client([FOLDER / "curl"]),
        "docker-py": Client([python, FOLDER / "docker_py.py"]),
        "dockerode": Client(["node", FOLDER / "dockerode.js"], variables=modules),
        "testcontainers-python": Client([python, FOLDER / "testcontainers_python.py"], variables=no_ryuk),
        "testcontainers-node": Client(["node", FOLDER / "testcontainers_node.js"], variables=modules | no_ryuk),
    }
