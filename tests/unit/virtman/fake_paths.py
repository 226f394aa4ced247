# SPDX-License-Identifier: Apache-2.0
"""What an image's paths stand on in a test: a device, an image, a thread."""

from __future__ import annotations

import contextlib

from fake_portals import source

from virtman.exception import CommandError, WrongIdentity
from virtman.paths.reconciler import Paths


class Device:
    """The multipath device: notes the hosts that are put under it.

    ``bad`` are the hosts whose paths the kernel does not use.
    """

    def __init__(self, portals):
        self._portals = portals
        self.there = True
        self.trouble = []
        self.bad = set()
        self.waits = True

    def update(self, live):
        if not self.there:
            self._portals.note("apply", "nothing")
            return None
        if self.trouble:
            error = self.trouble.pop()
            self._portals.note("trouble", "device")
            raise error
        self._portals.note("apply", " ".join(p.source.host for p in live))
        return True

    def failed(self, live):
        return [path for path in live if path.source.host in self.bad]

    def fail(self, path):
        self._portals.note("fail", path.source.host)
        self.bad.add(path.source.host)

    def open(self):
        was_open, self.waits = self.waits, True
        if not was_open:
            self._portals.note("wait", "device")
        return not was_open

    def give_up(self):
        was_open, self.waits = self.waits, False
        if was_open:
            self._portals.note("give up", "device")
        return was_open

    def take_back(self, path):
        self._portals.note("take back", path.source.host)
        self.bad.discard(path.source.host)


class Image:
    """Tells disks of the image from those of ``strangers``."""

    def __init__(self, portals):
        self._portals = portals
        self.strangers = set()
        self.silent = set()

    def check(self, path):
        if path.source.host in self.strangers:
            raise WrongIdentity(f"{path.source.host} serves something else")

    def check_again(self, path):
        self._portals.note("check again", path.source.host)
        if path.source.host in self.silent:
            raise CommandError(["scsi_id"], 1, "", "no answer")
        self.check(path)


@contextlib.contextmanager
def started(portals, device, image):
    """Give a function that starts the thread of an image under a device.

    Each thread that it started is stopped at the end.
    """
    made = []

    def begin(*hosts, live=2, standby_wait=0.0, pending=(), **more):
        paths = Paths(
            "volume-a", portals, image, lambda: portals.note("news", "volt"),
            live=live, standby_wait=standby_wait, **more,
        )  # fmt: skip
        paths.stand_under(device)
        paths.start([source(h) for h in hosts], [source(h) for h in pending])
        made.append(paths)
        return paths

    try:
        yield begin
    finally:
        for paths in made:
            paths.stop()


def moves(portals):
    """Return what was done, but for questions."""
    return [move for move in portals.log if move[0] != "ask"]
