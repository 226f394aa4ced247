# SPDX-License-Identifier: Apache-2.0
"""Make and verify disks whose every block tells where it belongs.

Runs inside a node with the system's Python and nothing else.  Block i of
64 KiB is one SHA-256 of (seed, i), repeated: a reader knows what to expect
anywhere without having the image, and a block of another place, another
image or of zeros is seen at once.

    pattern.py make FILE BLOCKS SEED
    pattern.py verify DEVICE SEED FIRST COUNT [STEP]
    pattern.py watch DEVICE SEED STOPFILE      (at random, until STOPFILE)
    pattern.py trickle DEVICE SEED STOPFILE PER_SECOND
                                  (each block once, so many, until STOPFILE)
    pattern.py iops DEVICE COUNT REGIONS       (4 KiB at random, O_DIRECT)

Each prints one JSON object.
"""

import hashlib
import json
import mmap
import os
import pathlib
import random
import sys
import time

BLOCK = 65536


def content(seed, index):
    digest = hashlib.sha256(f"{seed}:{index}".encode()).digest()
    return digest * (BLOCK // len(digest))


def make(path, blocks, seed):
    with pathlib.Path(path).open("wb") as out:
        for index in range(int(blocks)):
            out.write(content(seed, index))
        out.flush()
        os.fsync(out.fileno())
    return {"bytes": int(blocks) * BLOCK}


class Device:
    def __init__(self, path, seed):
        self.handle = os.open(path, os.O_RDONLY | os.O_DIRECT)
        self.blocks = os.lseek(self.handle, 0, os.SEEK_END) // BLOCK
        self.buffer = mmap.mmap(-1, BLOCK)
        self.seed = seed
        self.read = self.errors = self.wrong = 0
        self.worst = self.failed_after = 0.0
        self.first_error = ""

    def check(self, index):
        begin = time.monotonic()
        try:
            got = os.preadv(self.handle, [self.buffer], index * BLOCK)
        except OSError as error:
            self.errors += 1
            self.failed_after = time.monotonic() - begin
            self.first_error = self.first_error or f"block {index}: {error}"
            return
        self.worst = max(self.worst, time.monotonic() - begin)
        self.read += 1
        if self.buffer[:got] != content(self.seed, index):
            self.wrong += 1
            self.first_error = self.first_error or f"block {index}: wrong"

    def told(self):
        return {
            "blocks": self.read,
            "errors": self.errors,
            "wrong": self.wrong,
            "worst_s": round(self.worst, 3),
            "failed_after_s": round(self.failed_after, 3),
            "first_error": self.first_error,
        }


def verify(path, seed, first, count, step="1"):
    device = Device(path, seed)
    for index in range(int(first), int(first) + int(count), int(step)):
        device.check(index)
    return device.told()


def watch(path, seed, stop):
    device = Device(path, seed)
    choose = random.Random(7)
    while not pathlib.Path(stop).exists():
        device.check(choose.randrange(device.blocks))
    return device.told()


def trickle(path, seed, stop, per_second):
    """Read what is not cached for as long as there is any."""
    device = Device(path, seed)
    order = list(range(device.blocks))
    random.Random(5).shuffle(order)
    for index in order:
        if pathlib.Path(stop).exists():
            break
        device.check(index)
        time.sleep(1 / float(per_second))
    return device.told() | {"left": device.blocks - device.read}


def iops(path, count, regions):
    handle = os.open(path, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, 4096)
    choose = random.Random(3)
    places = [
        choose.randrange(int(regions)) * BLOCK + choose.randrange(16) * 4096
        for _ in range(int(count))
    ]
    begin = time.monotonic()
    for place in places:
        os.preadv(handle, [buffer], place)
    return {"iops": int(count) / (time.monotonic() - begin)}


if __name__ == "__main__":
    verbs = {
        "make": make,
        "verify": verify,
        "watch": watch,
        "trickle": trickle,
        "iops": iops,
    }
    print(json.dumps(verbs[sys.argv[1]](*sys.argv[2:])))
