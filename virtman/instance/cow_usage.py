# SPDX-License-Identifier: Apache-2.0
"""Watches how full the COW stores of instances are.

A store of the agent's own cannot overflow, one that a caller gave can.  The
kernel's status of a store (``Documentation/admin-guide/device-mapper/
snapshot.rst``), sizes in sectors of 512 bytes::

    0 <S> snapshot <allocated>/<total> <metadata>
    0 <S> snapshot Overflow         (full; reads go on, new writes fail)
    0 <S> snapshot Invalid          (everything fails)
"""

from __future__ import annotations

import enum
import logging
import re
from dataclasses import dataclass

from virtman import names
from virtman.conf.stores import StoreSettings
from virtman.drivers import dmsetup
from virtman.instance import snapshot
from virtman.instance.cow_file import store_sectors
from virtman.log_once import LogOnce
from virtman.names import Role

LOG = logging.getLogger(__name__)


class State(enum.Enum):
    """The fault of a COW store; the value is its word in lists."""

    FINE = ""
    FULL = "full"
    INVALID = "invalid"


@dataclass(frozen=True)
class Fill:
    """A store's state, and how much of it is used if it can overflow."""

    state: State = State.FINE
    percent: int = 0


def parse(text: str, chunk: int) -> Fill:
    """Return the fill of a store from a line of ``dmsetup status``.

    :param chunk: the snapshots' chunk in sectors.
    """
    words = text.split()
    status = " ".join(words[3:])
    if status == "Overflow":
        return Fill(State.FULL, 100)
    if status in ("Invalid", "Merge failed"):
        return Fill(State.INVALID)
    numbers = re.fullmatch(r"(\d+)/(\d+) \d+", status)
    if numbers is None:
        return Fill()
    allocated, total = int(numbers[1]), int(numbers[2])
    if total >= store_sectors(int(words[1]), chunk):
        return Fill()
    # The next write to a new place needs a whole chunk.
    if total - allocated < chunk:
        return Fill(State.FULL, 100)
    return Fill(percent=100 * allocated // total)


def usages(chunk: int) -> dict[str, Fill]:
    """Return how full the store of every instance on this node is.

    :param chunk: the snapshots' chunk in sectors.
    """
    standing = snapshot.instances()
    statuses = dmsetup.statuses("snapshot") if standing else {}
    devices = {i.name: names.dm_name(Role.SNAPSHOT, i.name) for i in standing}
    return {
        name: parse(statuses[device], chunk)
        for name, device in devices.items()
        if device in statuses
    }


class StoreWatch:
    """Logs once of each store that it fills up, is full, or is invalid."""

    def __init__(self, settings: StoreSettings) -> None:
        self._chunk = settings.snapshot_chunk
        self._warn = settings.snapshot_warn_percent
        self._logged = LogOnce()

    def turn(self) -> None:
        """Check every store, and log what is new; for housekeeping."""
        usage_of = usages(self._chunk)
        faulty = {
            name: fill
            for name, fill in usage_of.items()
            if fill.state is not State.FINE or fill.percent >= self._warn
        }
        # A store that was enlarged, or another one of that name, is logged
        # anew.
        self._logged.retain(faulty)
        for name, fill in faulty.items():
            if self._logged.is_new(name, fill.state.name):
                self._say(name, fill)

    def _say(self, name: str, fill: Fill) -> None:
        if fill.state is State.INVALID:
            LOG.error(
                "instance %s: its copy-on-write store is invalid: every read "
                "and write of the VM fails and what it wrote is lost; destroy "
                "the instance and create it again", name,
            )  # fmt: skip
        elif fill.state is State.FULL:
            LOG.error(
                "instance %s: its copy-on-write store is full: the VM reads "
                "on and what it wrote is kept, but writes to new places fail; "
                "stop the VM, enlarge the store and take %s away with "
                "'dmsetup remove'; the agent builds it again",
                name, names.dm_path(Role.SNAPSHOT, name),
            )  # fmt: skip
        else:
            LOG.warning(
                "instance %s: its copy-on-write store is %d %% full; when it "
                "is full, writes to new places fail", name, fill.percent,
            )  # fmt: skip
