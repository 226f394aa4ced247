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


class Sources:
    """What was read of an image through each iSCSI session, by address.

    A session's disk counts the sectors of 512 bytes that were read from it
    (Documentation/block/stat.rst), and goes with the session: looked at after
    each block, nothing of a single reader is missed.  A counter that has
    fallen tells nothing: the kernel sets it to 0 a moment before the disk
    leaves /sys (block/genhd.c, del_gendisk).
    """

    SESSIONS = pathlib.Path("/sys/class/iscsi_session")
    CONNECTIONS = pathlib.Path("/sys/class/iscsi_connection")

    def __init__(self, image):
        self._end = f":volume-{image}"
        # By the session's name, which the kernel gives to no other.
        self._disks = {}
        self._sectors = {}
        self.look()
        self._before = dict(self._sectors)

    def look(self):
        for session in list(self.SESSIONS.glob("*")):
            name = session.name
            try:
                if name not in self._disks:
                    self._find(name)
                address, stat = self._disks.get(name, (None, None))
                if address:
                    sectors = int(stat.read_text().split()[2])
            except OSError:
                continue
            if address:
                seen = self._sectors.get((name, address), 0)
                self._sectors[name, address] = max(seen, sectors)

    def _find(self, name):
        iqn = (self.SESSIONS / name / "targetname").read_text().strip()
        place = self.CONNECTIONS / f"connection{name[7:]}:0"
        address = (place / "persistent_address").read_text().strip()
        if not iqn.endswith(self._end):
            self._disks[name] = (None, None)
        found = (self.SESSIONS / name).glob("device/target*/*/block/*/stat")
        for stat in found:
            self._disks.setdefault(name, (address, stat))

    def told(self):
        read = {}
        for key, sectors in self._sectors.items():
            mine = 512 * (sectors - self._before.get(key, 0))
            read[key[1]] = read.get(key[1], 0) + mine
        return read


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
    device, sources = Device(path, seed), Sources(seed)
    order = list(range(device.blocks))
    random.Random(5).shuffle(order)
    for index in order:
        if pathlib.Path(stop).exists():
            break
        device.check(index)
        sources.look()
        time.sleep(1 / float(per_second))
    return device.told() | {
        "left": device.blocks - device.read,
        "read_from": sources.told(),
    }


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
