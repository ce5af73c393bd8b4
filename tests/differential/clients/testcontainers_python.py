"""Testcontainers for Python: containers for the while of a test."""

import contextlib
import urllib.request

from common import IMAGE, main, operation, until


@operation
def container():
    with _container("sleep 600").with_env("A", "1").with_kwargs(labels={"mine": "yes"}) as one:
        print(one.exec(["sh", "-c", "echo $A; exit 3"]))
        print(one.get_logs())


@operation
def waits_for_logs():
    from testcontainers.core.waiting_utils import wait_for_logs

    with _container("sh -c 'sleep 0.5; echo ready; exec sleep 600'") as one:
        wait_for_logs(one, "ready", timeout=30)
        print(one.get_logs())


@operation
def publishes_a_port():
    with _container("httpd -f -h /etc").with_exposed_ports(80) as one:
        url = f"http://{one.get_container_host_ip()}:{one.get_exposed_port(80)}/passwd"
        until(lambda: _page(url))
        print(_page(url))


def _page(url):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(url).read()


@operation
def network():
    from testcontainers.core.network import Network

    with Network() as one, _container("sleep 600").with_network(one).with_network_aliases("here") as server:
        print(server.exec("ping -c 1 -q here").exit_code)


@operation
def volume_mapping():
    with _container("sleep 600").with_volume_mapping("named", "/v", "rw") as one:
        print(one.exec("ls -d /v"))


@operation
def fails():
    try:
        _container("nosuchprogram").start()
    except Exception as error:  # noqa: BLE001 - whatever it is, both ways must tell it
        print(type(error).__name__, error)


def _container(command):
    # Takes a while to load: not for listing.
    from testcontainers.core.container import DockerContainer

    return DockerContainer(IMAGE).with_command(command)


if __name__ == "__main__":
    main()
