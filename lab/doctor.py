# SPDX-License-Identifier: Apache-2.0
"""Try which parts of the lab this host can run.

``python -m lab doctor`` prints the findings.  The host stays as it is, but for
a namespace and a file in the lab's cache that come and go.
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
_ROOM = 6 << 30  # bytes; make test leaves so much in build/ and .venv
_NODES = 2 << 30  # bytes; eight nodes of user-mode Linux have touched so much


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that the lab needs of a host; ``text`` is the result.

    ``works`` is None for a thing that the lab can do without.
    """

    part: str
    works: bool | None
    text: str


def examine(cache: Path) -> Iterator[Finding]:
    """Try each thing, the quick ones first; yield a finding for each."""
    yield _tried("programs and rights", tools.check, "all there")
    yield _tried("stock kernel", kernel.find, "its modules, too")
    yield _tried("network", _network, "namespace, bridge, tap, limit")
    yield _room("disk", initramfs.GUEST, _ROOM)
    yield _room("shared memory", _MEMORY, _NODES)
    yield from _usermode(cache)
    yield from _kvm(cache)


def _tried(part: str, trial: Callable[[], object], good: str) -> Finding:
    """Return the finding of a trial: ``good``, or the trial's error."""
    try:
        trial()
    except LabError as error:
        return Finding(part, False, str(error))
    return Finding(part, True, good)


def _network() -> None:
    """Make the wires of a cluster, limit one, and remove all of them."""
    network = Network(f"lab-doctor-{os.getpid()}")
    try:
        network.create("10.77.0.254")
        network.add_tap("tap1")
        network.limit("tap1", 1)
    finally:
        network.delete()


def _room(part: str, place: Path, wanted: int) -> Finding:
    """Compare the free bytes of a file system with the wanted bytes."""
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GiB free of {wanted / 2**30:.0f} GiB wanted"
    return Finding(part, free >= wanted or None, f"{text} in {place}")


def _usermode(cache: Path) -> Iterator[Finding]:
    """Try user-mode Linux as it is, then with the preload."""
    bare = usermode.trouble(None)
    part = "user-mode Linux"
    if bare is None:
        yield Finding(part, True, "runs programs, without a preload")
        return
    preload = xstate.library(cache)
    why = usermode.trouble(preload) if preload else bare
    if why is None:
        text = "runs programs, with the lab's preload for large xstates"
        yield Finding(part, True, text)
    else:
        yield Finding(part, None, f"{why}; emulated machines take its place")


def _kvm(cache: Path) -> Iterator[Finding]:
    """Try whether QEMU can use KVM; without it, all is emulated."""
    part = "QEMU with KVM"
    if not Path("/dev/kvm").exists():
        yield Finding(part, None, "no /dev/kvm: QEMU emulates all")
        return
    try:
        works = accelerator.kvm_works(*initramfs.build(cache))
    except LabError as error:
        yield Finding(part, None, str(error))
        return
    text = "runs" if works else "/dev/kvm is there, but no machine starts"
    yield Finding(part, works or None, text)


def report(findings: Iterator[Finding], say: Callable[[str], None]) -> bool:
    """Print each finding as it comes; tell whether the lab can run."""
    good = True
    words = {True: "ok", False: "NO", None: "--"}
    for finding in findings:
        good = good and finding.works is not False
        say(f"{words[finding.works]}  {finding.part:<20} {finding.text}")
    return good
