"""docker-py: the library that most Python programs speak to Docker with."""

import io
import sys
import tarfile
import threading

import docker
from docker import errors
from docker.types import Healthcheck, Mount

from common import IMAGE, main, operation, told, until

SLEEPER = ["sh", "-c", 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done']
client = None


def background(**options):
    container = client.containers.run(IMAGE, SLEEPER, detach=True, **{"name": "one", **options})
    until(lambda: b"ready" in container.logs())
    return container


def archive(**files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


@operation
def system():
    print(client.ping())
    told(client.version())
    told(client.info())
    print(client.api.df()["Containers"])


@operation
def run():
    print(client.containers.run(IMAGE, "echo out", remove=True))
    print(client.containers.run(IMAGE, ["sh", "-c", "echo out; sleep 0.3; echo err >&2"], stdout=True, stderr=True, name="one"))
    for line in client.containers.run(IMAGE, ["seq", "5"], stream=True):
        print(line)


@operation
def run_fails():
    for what in ({"image": IMAGE, "command": "false"}, {"image": IMAGE, "command": "nosuchprogram"},
                 {"image": "localhost:1/nobody"}, {"image": IMAGE, "mem_limit": "1k"}):
        try:
            client.containers.run(**what)
        except errors.DockerException as error:
            print(type(error).__name__, error)


@operation
def run_options():
    container = client.containers.create(
        IMAGE, "true", name="one", labels={"mine": "yes"}, environment={"A": "1"}, mem_limit="64m",
        network_mode="none", cap_add=["NET_RAW"], ports={"80/tcp": None}, tmpfs={"/t": ""}, working_dir="/tmp",
        mounts=[Mount("/data", "data", labels={"mine": "yes"})], volumes={"named": {"bind": "/named", "mode": "ro"}},
        healthcheck=Healthcheck(test=["CMD", "true"]), restart_policy={"Name": "on-failure", "MaximumRetryCount": 2})
    # The daemon keeps them in a map, and lists them in any order.
    container.attrs["Mounts"].sort(key=lambda mount: mount["Destination"])
    told(container.attrs)


@operation
def life():
    container = background()
    container.pause()
    container.unpause()
    container.rename("two")
    container.update(mem_limit="64m", memswap_limit="64m")
    container.restart(timeout=5)
    container.reload()
    print(container.name, container.status)
    container.stop(timeout=5)
    print(container.wait())
    container.start()
    container.kill()
    print(container.wait(condition="not-running"))
    print([c.name for c in client.containers.list(all=True)])
    container.remove()
    print(client.containers.list(all=True))


@operation
def look():
    container = background()
    print(container.logs(), container.logs(tail=1), container.logs(timestamps=True))
    print(container.diff())
    print(container.top(ps_args="-o pid,args")["Titles"])
    print(container.stats(stream=False)["name"])
    print(next(container.stats(decode=True))["name"])
    print([c.name for c in client.containers.list(filters={"name": "one", "status": "running"})])


@operation
def execute():
    container = background()
    print(container.exec_run("sh -c 'echo out; sleep 0.3; echo err >&2; exit 3'"))
    print(container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True))
    print(container.exec_run("tty", tty=True))
    print(b"".join(container.exec_run("seq 100000", stream=True).output)[-7:])
    print(container.exec_run("id", user="1:2", environment={"A": "1"}, workdir="/tmp"))
    print(container.exec_run("nosuchprogram"))
    print(container.exec_run("sleep 600", detach=True))


@operation
def execute_on_a_socket():
    container = background()
    made = client.api.exec_create(container.id, "cat", stdin=True)
    socket = client.api.exec_start(made["Id"], socket=True)
    socket._sock.sendall(b"typed\n")
    print(socket._sock.recv(4096))
    socket.close()


@operation
def attach():
    container = client.containers.create(IMAGE, "cat", name="one", stdin_open=True)
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"typed\n")
    print(socket._sock.recv(4096))
    container.kill()
    print(socket._sock.recv(4096))


@operation
def follow_logs():
    container = client.containers.run(
        IMAGE, ["sh", "-c", "for n in 1 2 3; do echo $n; sleep 0.2; done"], detach=True, name="one")
    for line in container.logs(stream=True, follow=True):
        print(line)


@operation
def events():
    told_events = client.events(decode=True, filters={"type": "volume"})
    thread = threading.Timer(0.5, lambda: client.volumes.create("one"))
    thread.start()
    event = next(told_events)
    print(event["Type"], event["Action"], event["Actor"])
    told_events.close()
    thread.join()


@operation
def files():
    container = background()
    print(container.put_archive("/tmp", archive(file="text")))
    stream, stat = container.get_archive("/tmp/file")
    print(stat["name"], stat["size"], len(b"".join(stream)) % 512)
    print(tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))).getmember("tmp/file").size)
    try:
        container.put_archive("/nowhere", archive(file="text"))
    except errors.APIError as error:
        print(error)


@operation
def images():
    image = client.images.get(IMAGE)
    print(image.tags, image.tag("local/one", "1"))
    told(image.attrs)
    print(len(image.history()))
    saved = b"".join(image.save(named=True))
    print(client.images.load(saved)[0].tags)
    print([i.tags for i in client.images.list("local/one")])
    client.images.remove("local/one:1")
    print(client.images.prune(filters={"label": "mine"}))
    for what in (lambda: client.images.get("nobody"), lambda: client.images.pull("localhost:1/nobody", tag="1")):
        try:
            what()
        except errors.APIError as error:
            print(type(error).__name__, error)


@operation
def build():
    context = archive(Dockerfile=f"FROM {IMAGE}\nARG WORD\nRUN echo $WORD >/data\nCMD cat /data\n")
    image, log = client.images.build(fileobj=io.BytesIO(context), custom_context=True, tag="local/one",
                                     buildargs={"WORD": "given"}, labels={"mine": "yes"}, rm=True)
    print("".join(line.get("stream", "") for line in log))
    print(image.labels.get("mine"))
    try:
        client.images.build(fileobj=io.BytesIO(f"FROM {IMAGE}\nRUN exit 3\n".encode()), rm=True,
                            forcerm=True)
    except errors.BuildError as error:
        print(error)
    # At last: Podman builds no more where containers have been.
    print(client.containers.run("local/one", remove=True))


@operation
def commit_and_import():
    container = client.containers.run(IMAGE, "touch /made", detach=True, name="one")
    container.wait()
    print(container.commit("local/one", tag="1", message="why", changes="ENV A=1").tags)
    print(client.api.import_image_from_data(b"".join(container.export()), repository="local/two"))


@operation
def networks():
    network = client.networks.create("one", labels={"mine": "yes"}, check_duplicate=True)
    container = background()
    network.connect(container, aliases=["here"])
    network.reload()
    print([c.name for c in network.containers])
    network.disconnect(container)
    told(network.attrs)
    network.remove()
    print(client.networks.prune(filters={"label": "mine"}))


@operation
def volumes():
    volume = client.volumes.create("one", labels={"mine": "yes"})
    told(volume.attrs)
    print([v.name for v in client.volumes.list(filters={"label": "mine"})])
    volume.remove()
    try:
        client.volumes.get("one")
    except errors.NotFound as error:
        print(error)


@operation
def swarm():
    client.swarm.init(advertise_addr="127.0.0.1")
    secret = client.secrets.create(name="one", data=b"secret", labels={"mine": "yes"})
    config = client.configs.create(name="two", data=b"config")
    service = client.services.create(IMAGE, command=["sleep", "600"], name="three", labels={"mine": "yes"})
    until(lambda: [t for t in service.tasks() if t["Status"]["State"] == "running"])
    # With another command, it would hang on the daemon's haste whether a new task is there at the end.
    service.update(labels={"more": "yes"}, command=["sleep", "600"], image=IMAGE)
    service.reload()
    print(service.name, service.attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Command"])
    print(client.secrets.list()[0].name, client.configs.list()[0].name, len(client.nodes.list()))
    service.remove()
    secret.remove()
    config.remove()
    print(client.swarm.leave(force=True))


if __name__ == "__main__":
    if sys.argv[1] != "list":
        client = docker.from_env()
    main()
