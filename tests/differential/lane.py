"""A lane: an engine of its own, the proxy in front of it, and one operation at a time. As
nobody else uses the engine, all that changes on it is the operation's doing."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from daemon import Connection, Daemon
from normal import CGROUP_PARENT, LABEL_KEY, LABEL_VALUE, anonymous, normal

HERE = Path(__file__).parent
ENGINE_SCRIPTS = HERE.parent / "engine"
# Far beyond what any operation takes: it only ends one that hangs.
PATIENCE = 300
# The listeners of the proxy, by the names in its configuration. Without one, a client speaks to the daemon itself.
DIRECT, OPEN, CONSERVATIVE = None, "open", "conservative"
CONFIGURATION = """
log_format = "json"

[defaults]
daemon = "{daemon}"
cgroup_parent = "/{engine}{cgroup_parent}"
labels = {{ "{key}" = "{value}" }}

[[listener]]
name = "open"
socket = "{folder}/open.sock"

[[listener]]
name = "conservative"
socket = "{folder}/conservative.sock"
[listener.policy]
preset = "conservative"
bind_sources = ["{folder}/job/work"]
"""
# The label of an anonymous volume.
ANONYMOUS = "com.docker.volume.anonymous"
# Members of inspections whose order means nothing.
SETS = {"Aliases", "Binds", "DNSNames", "Env", "Mounts"}


@dataclass
class Play:
    """What is to be seen of one play, made comparable."""

    code: str
    stdout: str
    stderr: str
    effects: str

    def aspects(self):
        return vars(self).items()


class Lane:
    def __init__(self, work, engine, proxy_binary):
        self._folder = work
        self._client = self._proxy = None
        work.mkdir()
        # A name of its own: by it, `down` finds the cgroups. Short: sockets lie below it.
        self._engine = work / f"{work.parent.name}{work.name}"
        self._socket = self._output(ENGINE_SCRIPTS / "up", self._engine, engine)
        try:
            self._image = self._output(ENGINE_SCRIPTS / "images", self._socket)
            self._engine_pid = (self._engine / "pid").read_text().strip()
            self._daemon = Daemon(self._socket)
            self._start_proxy(proxy_binary)
        except BaseException:
            self.close()
            raise

    def close(self):
        # We may have been interrupted in the middle of an operation.
        if self._client and self._client.poll() is None:
            os.killpg(self._client.pid, signal.SIGKILL)
        if self._proxy:
            self._proxy.terminate()
            self._proxy.wait()
        subprocess.run([ENGINE_SCRIPTS / "down", self._engine], check=True)

    def play(self, client, operation, listener):
        """Has the client play the operation, and looks at what came of it."""
        job = self._new_job(listener)
        if self._daemon.is_podman:
            self._clear_cgroups()
        try:
            code, stdout, stderr = self._run(client, operation, job)
            effects = self._daemon.everything()
        finally:
            self._daemon.clear()
        if listener != DIRECT:
            code += self._left_open() + _untouched(effects)
            _take_out_mounts(effects)
            if not self._daemon.marks_anonymous_volumes:
                _take_out_marks(effects)
        podman = self._daemon.is_podman
        return Play(code, normal(stdout, podman), normal(stderr, podman), _sorted_effects(effects))

    def refusing_rules(self, client, operation):
        """Has the client play the operation on the listener with a policy, and returns the rules that refused, in order."""
        with open(self._log) as log:
            log.seek(0, os.SEEK_END)
            try:
                self._run(client, operation, self._new_job(CONSERVATIVE))
            finally:
                self._daemon.clear()
            lines = [json.loads(line) for line in log]
        return list(dict.fromkeys(line["rule"] for line in lines if line.get("verdict") == "refused" and "rule" in line))

    def _start_proxy(self, binary):
        self._log = self._folder / "proxy.log"
        configuration = self._folder / "proxy.toml"
        configuration.write_text(CONFIGURATION.format(
            daemon=self._socket, folder=self._folder, engine=self._engine.name, cgroup_parent=CGROUP_PARENT,
            key=LABEL_KEY, value=LABEL_VALUE))
        with open(self._log, "w") as log:
            self._proxy = subprocess.Popen([binary, "--config", configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _until(self._serves, "the proxy serves")

    def _listening(self, listener):
        return self._folder / f"{listener}.sock"

    def _serves(self):
        """Whether the proxy does, on both listeners. If so, it has all sockets of its own, and two for us."""
        try:
            for listener in (OPEN, CONSERVATIVE):
                with contextlib.closing(Connection(str(self._listening(listener)))) as connection:
                    connection.request("GET", "/_ping")
                    connection.getresponse().read()
                    self._idle_sockets = self._open_sockets() - 2
        except OSError:
            return False
        return True

    def _new_job(self, listener):
        """An empty folder with a socket, at the same path for either way."""
        job = self._folder / "job"
        shutil.rmtree(job, ignore_errors=True)
        job.mkdir()
        (job / "docker.sock").symlink_to(self._socket if listener == DIRECT else self._listening(listener))
        return job

    def _clear_cgroups(self):
        """Podman leaves the cgroups of containers that are gone, and for some minutes who watched
        over an exec in them. It runs the steps of a build in the cgroup parent itself, where
        with cgroup v1 none may be below it."""
        def gone():
            for folder in (folder for parent in parents for folder, _, _ in os.walk(parent, topdown=False)):
                with contextlib.suppress(OSError):
                    for pid in Path(folder, "cgroup.procs").read_text().split():
                        if Path("/proc", pid, "comm").read_text() == "conmon\n":
                            os.kill(int(pid), signal.SIGKILL)
                    os.rmdir(folder)
            return not any(parent.exists() for parent in parents)

        name = self._engine.name + CGROUP_PARENT
        # That of cgroup v2, and one for each controller of v1.
        parents = [Path("/sys/fs/cgroup", name), *Path("/sys/fs/cgroup").glob(f"*/{name}")]
        _until(gone, "all that was in the cgroup parent has ended")

    def _run(self, client, operation, job):
        workplace = job / "work"
        workplace.mkdir()
        # In the engine's network, so that the ports it publishes are ours.
        self._client = subprocess.Popen(
            ["nsenter", f"--net=/proc/{self._engine_pid}/ns/net", *client.command, operation],
            cwd=workplace, env=self._environment(client, job), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            stdout, stderr = self._client.communicate(timeout=PATIENCE)
            code = str(self._client.returncode)
        except subprocess.TimeoutExpired:
            os.killpg(self._client.pid, signal.SIGKILL)
            stdout, stderr = self._client.communicate()
            code = f"did not end within {PATIENCE} s"
        return code, stdout.decode(errors="backslashreplace"), stderr.decode(errors="backslashreplace")

    def _environment(self, client, job):
        plugins = job / "home/.docker/cli-plugins"
        plugins.mkdir(parents=True)
        for plugin in client.plugins:
            (plugins / plugin.name).symlink_to(plugin)
        return {
            "PATH": os.pathsep.join([*client.path, os.environ["PATH"]]),
            "HOME": str(job / "home"),
            "LC_ALL": "C.UTF-8",
            "DOCKER_HOST": f"unix://{job}/docker.sock",
            "DIFF_IMAGE": self._image,
            **client.variables,
        }

    def _left_open(self):
        """The proxy's connections end with the client's."""
        try:
            _until(lambda: self._open_sockets() <= self._idle_sockets, "")
        except TimeoutError:
            return f", and the proxy kept {self._open_sockets() - self._idle_sockets} sockets open"
        return ""

    def _open_sockets(self):
        count = 0
        for descriptor in Path(f"/proc/{self._proxy.pid}/fd").iterdir():
            try:
                count += os.readlink(descriptor).startswith("socket:")
            except FileNotFoundError:
                pass
        return count

    @staticmethod
    def _output(*command):
        return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _untouched(effects):
    """No container comes past the proxy; else we would compare the daemon with itself. What
    a failed step of a classic build leaves has the cgroup parent alone, a task of a service
    the label alone."""
    def touched(container):
        labels, cgroup_parent = container["Config"]["Labels"] or {}, container["HostConfig"]["CgroupParent"]
        return LABEL_KEY in labels or cgroup_parent.endswith(CGROUP_PARENT)

    missed = [one["Name"] for one in effects.get("containers", []) if not touched(one)]
    return f", and came past the proxy: {missed}" if missed else ""


def _take_out_mounts(effects):
    """The proxy labels an anonymous volume by a mount where it would come into being."""
    added = {"Labels": {LABEL_KEY: LABEL_VALUE, ANONYMOUS: ""}}
    for container in effects.get("containers", []):
        host_config = container["HostConfig"]
        kept = [one for one in host_config.get("Mounts") or [] if one.get("VolumeOptions") != added]
        host_config.pop("Mounts", None)
        if kept:
            host_config["Mounts"] = kept


def _take_out_marks(effects):
    """The proxy marks anonymous volumes for every daemon."""
    for volume in effects.get("volumes", []):
        (volume["Labels"] or {}).pop(ANONYMOUS, None)


def _sorted_effects(effects):
    """One object after the other, in an order that does not hang on ids."""
    lines = []
    for kind, objects in effects.items():
        lines += sorted(f"{kind}: {_described(one)}" for one in objects)
    return "\n".join(lines)


def _described(one):
    return anonymous(json.dumps(_ordered(one), indent=1, sort_keys=True))


def _ordered(value, key=None):
    """Lists that mean a set, and maps by id, come in the order of what is in them."""
    if isinstance(value, dict):
        if key == "Containers":
            return sorted((_described(item) for item in value.values()))
        return {name: _ordered(item, name) for name, item in value.items()}
    if isinstance(value, list):
        items = [_ordered(item) for item in value]
        return sorted(items, key=_described) if key in SETS else items
    return value


def _until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)
