# SPDX-License-Identifier: Apache-2.0
"""Choose the machines that the demo runs on, and name them with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.errors import LabError

ASKED = ("auto", "uml", "qemu")
_NAMES = {"uml": "user-mode Linux", "qemu": "the stock kernel on QEMU"}
_HERE = "it runs here; --machine qemu: the stock kernel"
# What is emulated: of user-mode Linux only the VM that boots inside it.
TITLES = {
    "uml": "user-mode Linux, on the real CPU; emulated: the VM in a node",
    "qemu": "the stock kernel, on computers that QEMU emulates",
    "kvm": "the stock kernel, on computers of QEMU with KVM",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A machine of lab.spec.MACHINES, and the reason for it."""

    machine: str
    why: str


def choose(asked: str, trouble: Callable[[], str | None]) -> Choice:
    """Return the machine to run on.

    :param asked: one of ``ASKED``
    :param trouble: returns why user-mode Linux does not run here, or None
    :raises LabError: user-mode Linux was asked for, and does not run
    """
    if asked == "qemu":
        return Choice("qemu", "as asked for")
    why_not = trouble()
    if why_not is None:
        reason = "as asked for" if asked == "uml" else _HERE
        return Choice("uml", reason)
    if asked == "uml":
        raise LabError(
            f"user-mode Linux does not run here: {why_not}; "
            "remove --machine uml (MACHINE=uml) to run on QEMU"
        )
    return Choice("qemu", f"user-mode Linux does not run: {why_not}")


def sentence(choice: Choice) -> str:
    """Return the line that names the nodes' machine and the reason."""
    return f"Nodes: {_NAMES[choice.machine]} ({choice.why})"


def title(machine: str, accelerator: tuple[str, ...]) -> str:
    """Return the name of the machine that the figures were taken on.

    :param accelerator: QEMU's arguments for it, if it is QEMU.
    """
    return TITLES["kvm" if "kvm" in accelerator else machine]
