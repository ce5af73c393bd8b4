"""What may differ between two plays of one operation, and is made equal before they are
compared. This is the whole list: first what the operator forces in, then what no two runs
have in common.
"""

import re

# The operator's label sorts before any other, so that what follows it is a comma or nothing.
LABEL_KEY = "0.operator"
LABEL_VALUE = "differential"
# The cgroup parent ends in this; before it stands the name of the lane.
CGROUP_PARENT = "-jobs"

_KEY = re.escape(LABEL_KEY)
_STRING = r'"(?:[^"\\]|\\.)*"'
_PAIR = rf"\[\s*{_STRING},\s*{_STRING}\s*\]"
# Of Podman's builder, with the number of the stage if there are more.
_STEP = r"(\[\d+/\d+\] )?STEP \d+/\d+: "
_TIME = r"\d\d:\d\d:\d\d(?:\.\d+)?"

SUBSTITUTIONS = [(re.compile(pattern, re.MULTILINE), replacement) for pattern, replacement in [
    # -- What is injected.
    # The label as JSON, and as the docker command lists labels.
    (rf'\\?"{_KEY}\\?": ?\\?"{LABEL_VALUE}\\?",?\s*', ""),
    (rf"{_KEY}={LABEL_VALUE},?", ""),
    # Taken away again, it leaves an empty object where there may have been none.
    (r'"Labels": ?(?:null|\{\s*\})', '"Labels": {}'),
    (r',\s*"VolumeOptions": ?\{\s*(?:"Labels": \{\}\s*)?\}', ""),
    # The classic builder makes a step of each label: one more with its layer, on which the
    # image then stands.
    (r"^Step \d+/\d+ : LABEL\s*\n(?: ---> .*\n|Remov(?:ed|ing) intermediate .*\n)*", ""),
    (r"Step \d+/\d+", "Step <number>"),
    (r"Successfully built [0-9a-f]{12}", "Successfully built <image>"),
    (rf'"/[^"/]+{CGROUP_PARENT}"', '""'),
    # dockerode puts this at the top of the body, which counts only while there is no HostConfig
    # for the cgroup parent. Either way it is empty.
    (r'"VolumesFrom": ?(?:null|\[\])', '"VolumesFrom": []'),
    # What was a volume at a path is a mount at that path, to which the daemon gives this mode.
    (r'"Mode": ?"z?"', '"Mode": ""'),
    # A container without a HostConfig gets one, in which Docker 20.10 then fills in this.
    (r'"Runtime": ?"(?:runc)?",?\s*', ""),
    # The length of an answer in which the label is. A wrong one would break the client.
    (r"(?i)^Content-Length: (?!0\b)\d+", "Content-Length: <length>"),
    # Compose 1 compares the labels that it asked for with those that are there.
    (rf'^.*: label "{_KEY}" has changed\. It may need to be recreated\.\n', ""),
    # -- Time.
    (rf"\d{{4}}-\d\d-\d\d[T ]{_TIME}(?: ?(?:Z|[+-]\d\d:?\d\d))?(?: [A-Z]{{3,4}})?", "<time>"),
    # As HTTP and as the docker command write it.
    (rf"[A-Z][a-z][a-z], \d\d [A-Z][a-z][a-z] \d{{4}} {_TIME} GMT", "<time>"),
    (rf"[A-Z][a-z][a-z] [A-Z][a-z][a-z] +\d\d? {_TIME} \d{{4}}", "<time>"),
    # Together with the width of its column.
    (r"(?:Less than a|About an?|\d+) (?:second|minute|hour)s?(?: ago)? *", "<age> "),
    (r"(CREATED|STATUS) +", r"\1 "),
    # Seconds or nanoseconds of this century.
    (r"\b1[6-9]\d{8}(?:\.\d+|\d{9})?\b", "<time>"),
    # How long something took, as compose and buildx tell it.
    (r"\b\d+(?:\.\d+)?m?s\b", "<duration>"),
    # -- What the daemon draws by lot or counts up.
    # Of a network, from whichever of the daemon's pools is next.
    (r"\b(?:172|192|10)\.\d+\.\d+\.\d+\b(?:/\d+)?", "<address>"),
    (r'"IPPrefixLen": ?\d+', '"IPPrefixLen": <number>'),
    (r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
    (r'"(Pid|ProcessID|Index|NFd|NGoroutines)": ?\d+', r'"\1": <number>'),
    (r'"HostPort": ?"(?:3[2-9]|[456]\d)\d{3}"', '"HostPort": "<port>"'),
    (r"(current|peak) usage: \d+", r"\1 usage: <number>"),
    (r"buildkit-mount\d+", "buildkit-mount<number>"),
    # The name of a container that got none: an adjective and a scientist.
    (r'("Name": ?"/?)[a-z]+_[a-z]+\d?"', r'\1<name>"'),
    # What a client draws by lot.
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    # What is kept in a map, and comes in any order.
    (r"^ Runtimes: .*", " Runtimes: <runtimes>"),
    # -- What the client says or does not say.
    # `docker run` gives up its wait when the container is gone, and logs that if it gets
    # to it before it exits.
    (r"^.*error waiting for container: context canceled.*\n", ""),
]]

# The same of Podman, where it is not as with Docker.
PODMAN = [(re.compile(pattern, re.MULTILINE), replacement) for pattern, replacement in [
    # Its builder makes a step of all labels of the options together. The step before it then ends
    # with a layer, on which the image stands.
    (rf'(?:^--> [0-9a-f]{{12}}\n)?^{_STEP}LABEL "{_KEY}"="{LABEL_VALUE}"\n(?:--> Using cache .*\n)?', ""),
    (rf' "{_KEY}"="{LABEL_VALUE}"', ""),
    (rf"^{_STEP}", r"\1STEP <number>: "),
    (r"(COMMIT.*\n)--> [0-9a-f]{12}\n((?:Successfully tagged .*\n)*)[0-9a-f]{64}$", r"\1--> <image>\n\2<image>"),
    (r"(/var/tmp/[a-z_.]+)\d+", r"\1<number>"),
    # Behind a chunked body, if it has not seen its end.
    (r"^Connection: close\r?\n", ""),
    # The one becomes the other a moment later.
    (r"is in state (?:stopped|exited)", "is in state <ended>"),
    # A place in its memory.
    (r"^X-Reference-Id: 0x[0-9a-f]+", "X-Reference-Id: <number>"),
    # An exec of what is no program ends while it reads what that says.
    (r"^Error: read unixpacket .*/attach: read: connection reset by peer\n", ""),
    # It counts the text of an image's labels, and of its times, which end in no zeroes; and that
    # of what it knows of a container. Of what exists afterwards, the sizes of an image's layers
    # are compared instead.
    (r'"(Size|VirtualSize|SizeRw|SizeRootFs)": ?\d+', r'"\1": <size>'),
    (r"\b[\d.]+k?B \(virtual [\d.]+MB\)", "<size>"),
    # What it keeps in maps, it tells in any order.
    (rf'"Env": ?\[(?:\s*{_STRING},?)+\s*\]', lambda found: f'"Env": {sorted(re.findall(_STRING, found[0])[1:])}'),
    (rf'"DriverStatus": ?\[(?:\s*{_PAIR},?)+\s*\]', lambda found: f'"DriverStatus": {sorted(re.findall(_PAIR, found[0]))}'),
    (r"(?<= Storage Driver: overlay\n)(?:  .*\n)+", lambda found: "".join(sorted(found[0].splitlines(True)))),
]]

# An id, whole or shortened as docker does (to 12) and Podman (to 11), and one of swarm's.
_ID = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{64}|[0-9a-f]{11,12}|(?=[0-9]*[a-z])(?=[a-z]*[0-9])[0-9a-z]{25})(?![0-9A-Za-z])")


def normal(text, podman=False):
    """The text as it would be in any play. An id is told by when it first appeared: that
    the same one comes twice is part of what is compared."""
    for pattern, replacement in (PODMAN if podman else []) + SUBSTITUTIONS:
        text = pattern.sub(replacement, text)
    seen = {}

    def name(match):
        found = match[0]
        number = seen.setdefault(found[:11], len(seen) + 1)
        return f"<id {number} of {len(found)}>"

    return _ID.sub(name, text)


def anonymous(text):
    """The same, where the order of what is listed means nothing: all ids are alike."""
    return re.sub(r"<id \d+ of", "<id of", normal(text))
