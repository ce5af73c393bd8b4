"""The daemon's own view: what exists on it, and how to be rid of it. Speaks to the daemon's
socket with nothing between, in the plainest HTTP."""

import http.client
import json
import socket
from urllib.parse import quote

# Networks that the daemon makes itself: at its start, and some time after a swarm's.
OWN_NETWORKS = {"bridge", "host", "none", "podman"}
SWARM_NETWORKS = {"docker_gwbridge", "ingress"}


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=300)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Daemon:
    def __init__(self, path):
        self.path = path
        # What was there before the first operation stays.
        self._images = {}
        self._images = {image["Id"]: set(image["RepoTags"] or []) for image in self._list("/images/json?all=1")}

    def everything(self):
        """What exists, each as its own inspection tells it."""
        found = {
            "containers": [self._container(c["Id"]) for c in self._containers()],
            "networks": [self._get(f"/networks/{n['Id']}") for n in self._networks() if n["Name"] not in SWARM_NETWORKS],
            "volumes": [self._get(f"/volumes/{quote(v['Name'])}") for v in self._volumes()],
            "images": [self._image(i["Id"]) for i in self._list("/images/json")],
        }
        for kind in ("services", "secrets", "configs"):
            found[kind] = self._list(f"/{kind}")
        return {kind: objects for kind, objects in found.items() if objects}

    def marks_anonymous_volumes(self):
        """Whether a label of its own tells them from others. A prune goes by it since API 1.42."""
        return _number((self._get("/version") or {})["ApiVersion"]) >= (1, 42)

    def clear(self):
        """Removes everything but what was there at first."""
        if self._in_swarm():
            self._call("POST", "/swarm/leave?force=1")
        for container in self._containers():
            self._call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        for network in self._networks():
            self._call("DELETE", f"/networks/{network['Id']}")
        for volume in self._volumes():
            self._call("DELETE", f"/volumes/{quote(volume['Name'])}?force=1")
        self._clear_images()
        # The second play must not find the steps of the first.
        self._call("POST", "/build/prune?all=1")

    def _container(self, container):
        """Without how often its health was looked at, or is just now."""
        inspected = self._get(f"/containers/{container}/json") or {}
        inspected.pop("ExecIDs", None)
        inspected.get("State", {}).get("Health", {}).pop("Log", None)
        return inspected

    def _image(self, image):
        """Without how its last step was made: to the classic builder, a label is a step. For
        the same reason, images that only are a step of another do not count."""
        inspected = self._get(f"/images/{image}/json") or {}
        return {key: value for key, value in inspected.items() if key not in ("Container", "ContainerConfig")}

    def _clear_images(self):
        for image in self._list("/images/json"):
            ours = self._images.get(image["Id"])
            for tag in set(image["RepoTags"] or []) - (ours or set()):
                self._call("DELETE", f"/images/{quote(tag)}?force=1")
            if ours is None:
                self._call("DELETE", f"/images/{image['Id']}?force=1")

    def _in_swarm(self):
        info = self._get("/info") or {}
        return (info.get("Swarm") or {}).get("LocalNodeState", "inactive") != "inactive"

    def _containers(self):
        return self._list("/containers/json?all=1")

    def _networks(self):
        return [n for n in self._list("/networks") if n["Name"] not in OWN_NETWORKS]

    def _volumes(self):
        return (self._get("/volumes") or {}).get("Volumes") or []

    def _list(self, path):
        found = self._get(path)
        return found if isinstance(found, list) else []

    def _get(self, path):
        """What is there, or nothing: it may go while we look."""
        status, body = self._call("GET", path)
        return json.loads(body) if status == 200 else None

    def _call(self, method, path):
        connection = _Connection(self.path)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _number(version):
    return tuple(int(part) for part in version.split("."))
