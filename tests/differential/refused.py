"""The operations that the policy `conservative` refuses, from the list beside this file."""

from fnmatch import fnmatchcase
from pathlib import Path

LIST = Path(__file__).parent / "refused.txt"


def refusals(operations):
    """The rule that refuses each operation of the list. Each line is about an operation that exists, and no two are about
    one."""
    found = {}
    for line in LIST.read_text().splitlines():
        if line.startswith("#"):
            continue
        pattern, rule, _reason = line.split(" | ")
        matching = [one for one in operations if fnmatchcase(one, pattern)]
        if not matching or found.keys() & matching:
            raise ValueError(f"refused.txt: {pattern!r} is about {'two lines' if matching else 'no operation'}")
        found |= dict.fromkeys(matching, rule)
    return found
