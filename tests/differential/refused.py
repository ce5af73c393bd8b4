"""The operations that the policy `conservative` refuses, from the list beside this file."""

from fnmatch import fnmatchcase
from pathlib import Path

LIST = Path(__file__).parent / "refused.txt"
DOCUMENT = Path(__file__).parents[2] / "docs/policy.md"


def refusals(operations):
    """The rule that refuses each operation of the list. Each line is about an operation that exists, and no two are about
    one."""
    found, rows = {}, set()
    for line in LIST.read_text().splitlines():
        if line.startswith("#"):
            continue
        pattern, rule, what = line.split(" | ")
        rows.add(f"| {what} | `{rule}` |")
        matching = [one for one in operations if fnmatchcase(one, pattern)]
        if not matching or found.keys() & matching:
            raise ValueError(f"refused.txt: {pattern!r} is about {'what another line is about' if matching else 'no operation'}")
        found |= dict.fromkeys(matching, rule)
    documented = DOCUMENT.read_text().split("<!-- clients -->\n")[1].split("<!-- /clients -->")[0].splitlines()[2:]
    if set(documented) != rows:
        raise ValueError(f"docs/policy.md and refused.txt differ: {sorted(rows.symmetric_difference(documented))}")
    return found
