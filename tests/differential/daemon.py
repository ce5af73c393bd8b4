"""The daemon's own view: what exists on it, and how to be rid of it. Speaks to the daemon's
socket with nothing between, in the plainest HTTP."""

import http.client
import json
import socket
from urllib.parse import quote

# Networks that the daemon makes itself: at its start, and some time after a swarm's.
OWN_NETWORKS = {"bridge", "host", "none", "podman"}
SWARM_NETWORKS = {"docker_gwbridge", "ingress"}


class Connection(http.client.HTTPConnection):
    """HTTP on a UNIX socket."""

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
        version = self._get("/version") or {}
        self.is_podman = any(part["Name"] == "Podman Engine" for part in version.get("Components", []))
        # A label of its own tells anonymous volumes from others. A prune goes by it since API 1.42.
        self.marks_anonymous_volumes = _number(version["ApiVersion"]) >= (1, 42)
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

    def clear(self):
        """Removes everything but what was there at first."""
        if self._in_swarm():
            self._call("POST", "/swarm/leave?force=1")
        for container in self._containers():
            if self.is_podman:
                # It would first ask it to end, and wait.
                self._call("POST", f"/containers/{container['Id']}/kill")
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
        if self.is_podman and inspected:
            _settle(inspected)
        return inspected

    def _image(self, image):
        """Without how its last step was made: to the classic builder, a label is a step. For
        the same reason, images that only are a step of another do not count. To Podman, a label
        is a part of the size: there it is that of the layers."""
        inspected = self._get(f"/images/{image}/json") or {}
        if self.is_podman:
            inspected.pop("VirtualSize", None)
            inspected["Size"] = sum(layer["Size"] for layer in self._list(f"/images/{image}/history"))
        return {key: value for key, value in inspected.items() if key not in ("Container", "ContainerConfig")}

    def _clear_images(self):
        for image in self._list("/images/json"):
            ours = self._images.get(image["Id"])
            for tag in set(image["RepoTags"] or []) - (ours or set()):
                self._call("DELETE", f"/images/{quote(tag)}?force=1")
            if ours is None:
                self._call("DELETE", f"/images/{image['Id']}?force=1")

    def _in_swarm(self):
        # Podman knows none, and takes its time to say so.
        if self.is_podman:
            return False
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
        connection = Connection(self.path)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _settle(container):
    """Takes out what Podman tells of a container by luck."""
    host_config = container["HostConfig"]
    host_config["Binds"] = [_bind(one) for one in host_config["Binds"] or []]
    if container["State"]["Status"] in ("exited", "stopped"):
        # The one becomes the other a moment later.
        container["State"]["Status"] = "exited"
        # It lets go of its network and files some time after it has ended, or never.
        container.pop("NetworkSettings")
        container["GraphDriver"]["Data"].pop("MergedDir", None)


def _bind(text):
    """As Podman tells it, its options in an order of their own. It tells `exec` of a volume
    that the image declares, not of a mount there: it goes for both."""
    source, target, options = text.split(":")
    return ":".join([source, target, *sorted(set(options.split(",")) - {"exec"})])


def _number(version):
    return tuple(int(part) for part in version.split("."))
