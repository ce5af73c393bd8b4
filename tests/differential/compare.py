"""Plays every operation of every client on the daemon's socket and through the proxy, and
tells each difference. Started by `run`, which installs what the clients need."""

import argparse
import difflib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from lane import Lane

CLIENTS = Path(__file__).parent / "clients"
ENGINES = ["local", "trixie", "sid", "podman"]
# Two cores: one engine works while the other one's client starts.
LANES = 2
# How often the daemon may be asked again whether it gives the proxy's result itself.
SECOND_LOOKS = 3
# Lines of what is different in one aspect.
SHOWN = 40


def clients(options):
    """Name, command, and what is special in its environment."""
    python, sid = options.cache_python / "bin/python", options.cache_sid / "usr"
    plugins = {"plugins": list((sid / "libexec/docker/cli-plugins").iterdir())}
    node = {"variables": {"NODE_PATH": str(options.cache_node / "node_modules"), "TESTCONTAINERS_RYUK_DISABLED": "true"}}
    no_ryuk = {"variables": {"TESTCONTAINERS_RYUK_DISABLED": "true"}}
    old = {"path": ["/usr/bin"]}
    new = {"path": [str(sid / "bin")], **plugins}
    compose = {"variables": {"COMPOSE": "docker-compose"}} | old
    return {
        "cli20": ([CLIENTS / "docker"], old),
        "cli28": ([CLIENTS / "docker"], new),
        "buildx": ([CLIENTS / "buildx"], new),
        "compose1": ([CLIENTS / "compose"], compose),
        "compose2": ([CLIENTS / "compose"], new | {"variables": {"COMPOSE": "docker compose"}}),
        "curl": ([CLIENTS / "curl"], {}),
        "docker-py": ([python, CLIENTS / "docker_py.py"], {}),
        "dockerode": (["node", CLIENTS / "dockerode.js"], node),
        "testcontainers-python": ([python, CLIENTS / "testcontainers_python.py"], no_ryuk),
        "testcontainers-node": (["node", CLIENTS / "testcontainers_node.js"], node),
    }


class Report:
    """What came of each operation; printed as it comes."""

    def __init__(self):
        self._lock = threading.Lock()
        self.counts = {}

    def tell(self, verdict, operation, seconds, details=""):
        with self._lock:
            self.counts[verdict] = self.counts.get(verdict, 0) + 1
            print(f"{verdict:10} {operation} ({seconds:.1f} s)", flush=True)
            if details:
                print(details, flush=True)


def compare(lane, command, environment):
    """The verdict on one operation, and what there is to say about it."""
    direct = lane.play(command, environment, through_proxy=False)
    proxied = lane.play(command, environment, through_proxy=True)
    if direct == proxied:
        if direct.code == "0":
            return "same", ""
        return "fails", f"{direct.stdout}{direct.stderr}    exit code {direct.code}"
    # What the daemon gives itself, if only sometimes, is not the proxy's doing.
    for _ in range(SECOND_LOOKS):
        if lane.play(command, environment, through_proxy=False) == proxied:
            return "unsteady", differences(direct, proxied)
    return "DIFFERENT", differences(direct, proxied)


def differences(direct, proxied):
    lines = []
    for (aspect, before), (_, after) in zip(direct.aspects(), proxied.aspects()):
        found = list(difflib.unified_diff(
            before.splitlines(), after.splitlines(), f"{aspect}, direct", f"{aspect}, through the proxy", "", "", 2, ""))
        lines += found[:SHOWN] + [f"... and {len(found) - SHOWN} more lines"] * (len(found) > SHOWN)
    return "\n".join(f"    {line}" for line in lines)


def operations(options):
    """Every operation that is wanted, with how to play it."""
    found = queue.Queue()
    for client, (program, environment) in clients(options).items():
        command = [str(word) for word in program]
        variables = environment.get("variables", {})
        listed = subprocess.run([*command, "list"], check=True, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, **variables})
        for name in listed.stdout.split():
            if re.search(options.only, f"{client}/{name}"):
                found.put((f"{client}/{name}", [*command, name], environment))
    return found


def work(lane, wanted, report):
    while True:
        try:
            operation, command, environment = wanted.get_nowait()
        except queue.Empty:
            return
        start = time.monotonic()
        try:
            verdict, details = compare(lane, command, environment)
        except Exception as error:  # noqa: BLE001 - one operation must not take the lane with it
            verdict, details = "DIFFERENT", f"    {type(error).__name__}: {error}"
        report.tell(verdict, operation, time.monotonic() - start, details)


def play_on(engine, options):
    start = time.monotonic()
    print(f"\n== {engine}", flush=True)
    wanted, report, lanes = operations(options), Report(), []
    try:
        for number in range(min(LANES, max(1, wanted.qsize()))):
            lanes.append(Lane(options.work / f"{engine}{number}", engine, options.proxy))
        threads = [threading.Thread(target=work, args=(lane, wanted, report), daemon=True) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for lane in lanes:
            lane.close()
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.counts.items()))
    print(f"== {engine}: {told or 'nothing to play'}; {time.monotonic() - start:.0f} s", flush=True)
    return report.counts


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"one of {', '.join(ENGINES)}")
    parser.add_argument("--all", action="store_true", help="all engines")
    parser.add_argument("--only", default="", metavar="PATTERN", help="play what matches, as CLIENT/NAME")
    for path in ("work", "proxy", "cache-python", "cache-node", "cache-sid"):
        parser.add_argument(f"--{path}", type=Path, required=True, help="given by `run`")
    return parser.parse_args()


def main():
    options = arguments()
    # Asked to end, it still ends the engines.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engines = ENGINES if options.all else options.engines or ["trixie"]
    bad = 0
    for engine in engines:
        counts = play_on(engine, options)
        bad += counts.get("DIFFERENT", 0)
        # What the gate's engine cannot do proves nothing there.
        bad += counts.get("fails", 0) if engine == "trixie" else 0
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
