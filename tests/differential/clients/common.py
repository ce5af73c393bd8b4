"""What the clients written in Python share: `CLIENT list` names the operations,
`CLIENT NAME` plays one."""

import json
import os
import sys
import time

IMAGE = os.environ.get("DIFF_IMAGE")
_OPERATIONS = {}


def operation(function):
    _OPERATIONS[function.__name__] = function
    return function


def told(value):
    """Prints what the daemon says of something."""
    print(json.dumps(value, indent=1, sort_keys=True))


def until(condition):
    """Who plays an operation ends one that waits in vain."""
    while not condition():
        time.sleep(0.05)


def main():
    word = sys.argv[1]
    if word == "list":
        print("\n".join(_OPERATIONS))
    else:
        _OPERATIONS[word]()
