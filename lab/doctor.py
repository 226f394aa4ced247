# SPDX-License-Identifier: Apache-2.0
"""What this host can run of the lab, found out by trying each part.

``python -m lab doctor`` prints it; nothing here changes the host, but for a
namespace and a file in the lab's cache that come and go.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import accelerator, initramfs, kernel, tools, usermode, xstate
from lab.errors import LabError
from lab.network import Network

_MEMORY = Path("/dev/shm")  # noqa: S108 - where user-mode Linux has its memory
_ROOM = 6 << 30  # bytes; what make test leaves in build/ and .venv
_NODES = 2 << 30  # bytes; what eight nodes of user-mode Linux have touched


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that the lab asks of a host; ``text`` says what was found.

    ``works`` is None for what is good to know and stops nothing.
    """

    thing: str
    works: bool | None
    text: str


def examine(cache: Path) -> Iterator[Finding]:
    """Try each thing, the quick ones first; yield what was found."""
    yield _tried("programs and rights", tools.check, "all there")
    yield _tried("stock kernel", kernel.find, "its modules, too")
    yield _tried("network", _network, "namespace, bridge, tap, limit")
    yield _room("disk", initramfs.GUEST, _ROOM)
    yield _room("shared memory", _MEMORY, _NODES)
    yield from _usermode(cache)
    yield from _kvm(cache)


def _tried(thing: str, trial: Callable[[], object], good: str) -> Finding:
    """Say that a trial went well, or what its error says."""
    try:
        trial()
    except LabError as error:
        return Finding(thing, False, str(error))
    return Finding(thing, True, good)


def _network() -> None:
    """Make the wires of a cluster, limit one, and take all away again."""
    network = Network(f"lab-doctor-{os.getpid()}")
    try:
        network.create("10.77.0.254")
        network.add_tap("tap1")
        network.limit("tap1", 1)
    finally:
        network.delete()


def _room(thing: str, place: Path, wanted: int) -> Finding:
    """Compare the free bytes of a file system with what is wanted."""
    free = shutil.disk_usage(place).free
    told = f"{free / 2**30:.1f} GiB free of {wanted / 2**30:.0f} GiB wanted"
    return Finding(thing, free >= wanted or None, f"{told} in {place}")


def _usermode(cache: Path) -> Iterator[Finding]:
    """Try user-mode Linux as it is, then with the preload."""
    bare = usermode.trouble(None)
    thing = "user-mode Linux"
    if bare is None:
        yield Finding(thing, True, "runs programs, without a preload")
        return
    preload = xstate.library(cache)
    why = usermode.trouble(preload) if preload else bare
    if why is None:
        told = "runs programs, with the lab's preload for large xstates"
        yield Finding(thing, True, told)
    else:
        yield Finding(thing, None, f"{why}; emulated machines take its place")


def _kvm(cache: Path) -> Iterator[Finding]:
    """Try whether QEMU can use KVM; without it, all is emulated."""
    thing = "QEMU with KVM"
    if not Path("/dev/kvm").exists():
        yield Finding(thing, None, "no /dev/kvm: QEMU emulates all")
        return
    try:
        works = accelerator.kvm_works(*initramfs.build(cache))
    except LabError as error:
        yield Finding(thing, None, str(error))
        return
    told = "runs" if works else "/dev/kvm is there, but no machine starts"
    yield Finding(thing, works or None, told)


def report(findings: Iterator[Finding], say: Callable[[str], None]) -> bool:
    """Say each finding as it comes; return whether nothing is in the way."""
    good = True
    words = {True: "ok", False: "NO", None: "--"}
    for found in findings:
        good = good and found.works is not False
        say(f"{words[found.works]}  {found.thing:<20} {found.text}")
    return good
