# SPDX-License-Identifier: Apache-2.0
"""A node whose parent changes under a reader, for killpoints.py.

volt is told that a peer has gone (its token is in /etc/virtman), so it sends
this node to another source at the next heartbeat; the peer comes back by
itself.
"""

import contextlib
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from warm import until

SYS = pathlib.Path("/sys")
STOP = pathlib.Path("/run/moving-stop")
PATTERN = pathlib.Path(__file__).parent / "pattern.py"
# Seconds between two attempts at moving: volt may give the same place again.
NUDGE = 15.0


class Move:
    """An instance that stays while its source becomes another."""

    def __init__(self, disk, volt, address):
        self.disk, self.agent = disk, disk.agent
        self._volt = f"http://{volt}:7447/v1/volumes/volume-{disk.image}"
        self._address = address
        self._reader = None

    def begin(self):
        """Make the instance, and start a reader that goes on to the end."""
        self.agent.start()
        self.disk.create()
        STOP.unlink(missing_ok=True)
        self._reader = subprocess.Popen(
            [sys.executable, PATTERN, "watch", self.disk.DISK,
             self.disk.image, STOP],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.agent.stop(signal.SIGKILL)

    def finish(self):
        """Tell what the reader saw; take the instance away."""
        STOP.touch()
        told = json.loads(self._reader.communicate(timeout=300)[0])
        self.disk.end()
        return {"reader": told, "left": self.disk.left()}

    def reset(self):
        """Nothing to do: the instance stays."""

    def run(self):
        """Have the source changed; return when it is, or the agent dead."""
        before, nudged = parents(self.disk.image), 0.0

        def moved():
            nonlocal nudged
            if time.monotonic() > nudged + NUDGE:
                nudged = time.monotonic()
                self._nudge()
            now = parents(self.disk.image)
            return self.agent.died or (now[:1] != before[:1] and self.tidy())

        until(moved, f"the source is another than {before}", 0.3)

    def recovered(self):
        """Wait until every session is read from."""
        until(self.tidy, "no session is left over", 0.3)

    def end(self):
        """Nothing to do: the instance stays."""

    def left(self):
        """Return the sessions that are in no table, and do not get there.

        volt may have one more source read from at any moment, and the login
        comes before the table.
        """
        image = self.disk.image
        with contextlib.suppress(AssertionError):
            until(self.tidy, "no session is left over", 0.3)
        return sorted(set(sessions(image)) - set(parents(image)))

    def tidy(self):
        """Tell whether the sessions are those that are read from."""
        image = self.disk.image
        return sorted(sessions(image)) == sorted(parents(image)) != []

    def _nudge(self):
        """Have volt forget the node that is read from, or this one."""
        first = parents(self.disk.image)[0]
        host = first if self._is_peer(first) else self._address
        token = pathlib.Path("/etc/virtman/token").read_text().strip()
        request = urllib.request.Request(
            f"{self._volt}/{host}:volume-{self.disk.image}",
            method="DELETE", headers={"X-Auth-Token": token},
        )  # fmt: skip
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            error.close()

    def _is_peer(self, host):
        return host not in self._volt


def parents(image):
    """Return the addresses under the multipath device, best first."""
    table = subprocess.run(
        ["dmsetup", "table", f"multipath_volume-{image}"],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    found = []
    for number in re.findall(r"queue-length 0 1 1 (\d+:\d+)", table):
        disk = str((SYS / "dev/block" / number).resolve())
        name = re.search(r"/session(\d+)/", disk)
        found += _addresses(name[1]) if name else []
    return found


def sessions(image):
    """Return the addresses of all sessions with an image's target."""
    found = []
    for folder in (SYS / "class/iscsi_session").glob("session*"):
        if _line(folder / "targetname").endswith(f"-{image}"):
            found += _addresses(folder.name.removeprefix("session"))
    return found


def _addresses(number):
    """Return the address of a session, none if it has just ended."""
    folder = SYS / f"class/iscsi_connection/connection{number}:0"
    address = _line(folder / "persistent_address")
    return [address] if address else []


def _line(file):
    """Return what a file of the kernel says; nothing if it is gone."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
