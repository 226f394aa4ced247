# SPDX-License-Identifier: Apache-2.0
"""What processes of this node say of themselves, from /proc.

``helpers.py status`` prints a line of JSON for each privsep helper and each
qemu-storage-daemon: its name and its capabilities.  ``helpers.py watch STOP
FILE...`` looks, until a file STOP is there, for command lines that hold the
first line of a FILE, and prints how often it looked and what it found.
"""

import json
import sys
import time
from pathlib import Path

PROC = Path("/proc")
FIELDS = ("CapEff", "CapPrm", "NoNewPrivs")


def commands():
    """Yield each process's folder and the words of its command line."""
    for folder in PROC.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
        except OSError:
            continue
        yield folder, words


def name(words):
    """Return a helper's context, or the daemon's name, or nothing."""
    if "--privsep_context" in words:
        return words[words.index("--privsep_context") + 1]
    if "qemu-storage-daemon" in words[0]:
        return "qemu-storage-daemon"
    return None


def status():
    """Print what each of them may do."""
    for folder, words in commands():
        if name(words):
            lines = (folder / "status").read_text().splitlines()
            told = dict(line.split(":\t", 1) for line in lines)
            found = {field: int(told[field], 16) for field in FIELDS}
            print(json.dumps({"name": name(words), **found}))


def watch(stop, *files):
    """Look for secrets where everybody on the host can read them."""
    secrets = [Path(file).read_text().splitlines()[0] for file in files]
    looks, found = 0, set()
    while not Path(stop).exists():
        for _, words in commands():
            line = " ".join(words)
            if any(secret in line for secret in secrets):
                found.add(line)
        looks += 1
        time.sleep(0.1)
    print(json.dumps({"looks": looks, "found": sorted(found)}))


if __name__ == "__main__":
    {"status": status, "watch": watch}[sys.argv[1]](*sys.argv[2:])
