"""Plays every operation of every client on the daemon's socket and through the proxy, under the policy
`conservative`, and tells each difference. Started by `run`, which installs what the clients need."""

import argparse
import contextlib
import difflib
import queue
import re
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from client import MOVING, clients
from lane import CONSERVATIVE, DIRECT, OPEN, Lane
from refused import refusals

ENGINES = ["local", "trixie", "sid", "podman"]
# Operations that are not played on an engine; README.md beside this file says why.
LEFT_OUT = {
    "podman": r"^buildx/|/(health|waits_for_health|events_of_the_past|(run_)?publishes_a_port)$"
              r"|^curl/(attach_without_upgrade|events)$|^(curl|docker-py|dockerode)/images$",
}
# Two cores: one engine works while the other one's client starts.
LANES = 2
# How often the daemon may be asked again whether it gives the proxy's result itself.
SECOND_LOOKS = 3
# Lines of what is different in one aspect.
SHOWN = 40


class Report:
    """What came of each operation; printed as it comes."""

    def __init__(self):
        self._lock = threading.Lock()
        self.counts = {}
        # Operations that do not work even without the proxy.
        self.broken = 0

    def tell(self, verdict, operation, seconds, details=""):
        with self._lock:
            self.counts[verdict] = self.counts.get(verdict, 0) + 1
            if verdict == "fails" and operation.split("/")[0] not in MOVING:
                self.broken += 1
            print(f"{verdict:11} {operation} ({seconds:.1f} s)", flush=True)
            if details:
                print(details, flush=True)


def compare(lane, client, name, rule):
    """The verdict on one operation, and what there is to say about it. If a rule of the policy refuses it, it does so,
    and the operation is compared on a listener without policy."""
    listener = CONSERVATIVE
    if rule:
        listener = OPEN
        found = lane.refusing_rules(client, name)
        if rule not in found:
            return "not refused", f"    by {rule}; refused.txt has to name one of: {', '.join(found) or 'no rule'}"
    direct = lane.play(client, name, DIRECT)
    proxied = lane.play(client, name, listener)
    if direct == proxied:
        if direct.code == "0":
            return "same", ""
        return "fails", f"{direct.stdout}{direct.stderr}    exit code {direct.code}"
    # What the daemon gives itself, if only sometimes, is not the proxy's doing.
    for _ in range(SECOND_LOOKS):
        if lane.play(client, name, DIRECT) == proxied:
            return "unsteady", differences(direct, proxied)
    return "DIFFERENT", differences(direct, proxied)


def differences(direct, proxied):
    lines = []
    for (aspect, before), (_, after) in zip(direct.aspects(), proxied.aspects()):
        found = list(difflib.unified_diff(
            before.splitlines(), after.splitlines(), f"{aspect}, direct", f"{aspect}, through the proxy", "", "", 2, ""))
        lines += found[:SHOWN] + [f"... and {len(found) - SHOWN} more lines"] * (len(found) > SHOWN)
    return "\n".join(f"    {line}" for line in lines)


def operations(options, engine):
    """Every operation that is wanted: its name in full, its client, its own name, and the rule that refuses it or None."""
    found = queue.Queue()
    left_out = LEFT_OUT.get(engine, "$^")
    known = {
        f"{client_name}/{name}": (client, name)
        for client_name, client in clients(options.python, options.node, options.modern).items()
        for name in client.operations()
    }
    refused = refusals(known)
    for operation, (client, name) in known.items():
        if re.search(options.only, operation) and not re.search(left_out, operation):
            found.put((operation, client, name, refused.get(operation)))
    return found


def work(lane, wanted, report):
    while True:
        try:
            operation, client, name, rule = wanted.get_nowait()
        except queue.Empty:
            return
        start = time.monotonic()
        try:
            verdict, details = compare(lane, client, name, rule)
        except Exception as error:  # noqa: BLE001 - one operation must not take the lane with it
            verdict, details = "DIFFERENT", f"    {type(error).__name__}: {error}"
        report.tell(verdict, operation, time.monotonic() - start, details)


def play_on(engine, options, folder):
    start = time.monotonic()
    print(f"\n== {engine}", flush=True)
    wanted, report = operations(options, engine), Report()
    with contextlib.ExitStack() as cleanup:
        lanes = []
        for number in range(min(LANES, max(1, wanted.qsize()))):
            lanes.append(Lane(folder / f"{engine}{number}", engine, options.proxy))
            cleanup.callback(lanes[-1].close)
        # Interrupted, nobody begins another one.
        cleanup.callback(wanted.queue.clear)
        threads = [threading.Thread(target=work, args=(lane, wanted, report), daemon=True) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.counts.items()))
    print(f"== {engine}: {told or 'nothing to play'}; {time.monotonic() - start:.0f} s", flush=True)
    return report


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"one of {', '.join(ENGINES)}")
    parser.add_argument("--all", action="store_true", help="all engines")
    parser.add_argument("--only", default="", metavar="PATTERN", help="play what matches, as CLIENT/NAME")
    for path in ("proxy", "python", "node", "modern"):
        parser.add_argument(f"--{path}", type=Path, required=True, help="given by `run`")
    return parser.parse_args()


def main():
    options = arguments()
    # Asked to end, it still ends the engines.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engines = ENGINES if options.all else options.engines or ["trixie"]
    # A short name: sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="dcp-diff.", dir="/tmp") as folder:
        bad = sum(failures(engine, play_on(engine, options, Path(folder))) for engine in engines)
    return 1 if bad else 0


def failures(engine, report):
    # Other engines may lack what an operation takes; on the gate's, it would prove nothing.
    broken = report.broken if engine == "trixie" else 0
    return report.counts.get("DIFFERENT", 0) + report.counts.get("not refused", 0) + broken


if __name__ == "__main__":
    sys.exit(main())
