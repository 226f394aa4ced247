# SPDX-License-Identifier: Apache-2.0
"""qemu-storage-daemon, its files and the kernel's NBD client, in memory."""

from __future__ import annotations

import json
from pathlib import Path

from fake_dm import Refused

from virtman import privsep
from virtman.drivers import storage_daemon


class FakeDaemon:
    """At most one daemon an image; ``running`` are the pid files of those."""

    def __init__(self, kernel, monkeypatch, devices=4):
        self._kernel = kernel
        self.running: set[Path] = set()
        self._ended: set[str] = set()
        self.local_bytes = 0
        self.size = 0
        kernel.tools |= {
            "qemu-img": self._image,
            "qemu-storage-daemon": self._start,
            "nbd-client": self._client,
            "nbdinfo": self._info,
        }
        for _ in range(devices):
            kernel.sys.add("nbd", 0)
        monkeypatch.setattr(storage_daemon, "pid", self._pid)
        monkeypatch.setattr(storage_daemon, "find", self._pid)
        monkeypatch.setattr(
            storage_daemon,
            "_is_of",
            lambda number, files: bool(self._pid(files)),
        )
        monkeypatch.setattr(privsep, "signal_process", self._signal)

    def connected(self):
        """Return the NBD devices in use."""
        self._let_go()
        folder = self._kernel.sys.root / "block"
        return sorted(file.parent.name for file in folder.glob("nbd*/pid"))

    def _image(self, args, _):
        options = dict(
            word.split("=", 1)
            for word in args[args.index("-o") + 1].split(",")
        )
        self.size = int(args[-1])
        Path(args[-2]).write_text("qcow2")
        Path(options["data_file"]).touch()
        return ""

    def _start(self, args, _):
        pidfile = Path(args[args.index("--pidfile") + 1])
        pidfile.parent.mkdir(parents=True, exist_ok=True)
        pidfile.write_text("4242")
        self.running.add(pidfile)
        return ""

    def _pid(self, files):
        return 4242 if files.pidfile in self.running else None

    def _signal(self, number, signal):
        self._kernel.life.alive()
        assert (number, signal) == (4242, 15)
        self.running.clear()

    def _client(self, args, _):
        if args[0] == "-d":
            name = self._kernel.sys.name_of(args[1])
            self._ended.add(name)
            self._let_go()
            return ""
        name = self._kernel.sys.name_of(args[4])
        if not self.running:
            raise Refused("Error: Connection refused")
        self._kernel.sys.write(name, "pid", 1)
        self._kernel.sys.write(name, "size", self.size // 512)
        self._kernel.sys.write(name, "ro", 1)
        return ""

    def _let_go(self):
        """Forget the ended connections; not while a device is held."""
        for name in list(self._ended):
            if not self._kernel.sys.holders(name):
                (self._kernel.sys.folder(name) / "pid").unlink()
                self._ended.discard(name)

    def _info(self, args, _):
        edges = [(0, self.local_bytes, 1), (self.local_bytes, self.size, 2)]
        return json.dumps(
            [
                {"offset": start, "length": end - start, "type": depth}
                for start, end, depth in edges
                if end > start
            ]
        )
