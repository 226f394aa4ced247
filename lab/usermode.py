# SPDX-License-Identifier: Apache-2.0
"""User-mode Linux as a node: the kernel is a process of the host.

It is the same kernel source as the stock one, with the same device-mapper,
SCSI, iSCSI and NBD drivers (package user-mode-linux), on one CPU and without
hardware below it.  Programs of a node run on the real CPU, not on an emulated
one: that takes a fifth of the time (doc/source/lab.rst has the figures).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab import diagnosis, initramfs, processes, tools, xstate
from lab.errors import ToolFailed
from lab.machine import Machine
from lab.spec import CHECKOUT, HOST

PROGRAM = "linux.uml"
BELL = "bell.fifo"
_IN_ROOT = Path(__file__).with_name("usermode-root")
# Its memory is a file, which must not be on a disk.
_MEMORY = "/dev/shm"  # noqa: S108 - it is unlinked before it has a byte
_WORDS = ("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro")
_SILENT = ("con=null", "ssl=null", "pty.legacy_count=0", "quiet")

_PROBE = "guest=lab-probe"
_WORD = "lab: alive"
_PATIENCE = 20.0  # seconds
_NO_PROGRAM = "linux.uml is missing: apt-get install user-mode-linux"


def works() -> bool:
    """Tell whether user-mode Linux runs programs on this host."""
    return trouble(xstate.library()) is None


def trouble(preload: Path | None) -> str | None:
    """Boot a node that runs one program; return why it failed, or None.

    A host may forbid that a process traces others and runs code in its memory
    file; a CPU may have more registers than the kernel can hand to a program.

    :param preload: the result of ``xstate.library``, or None to try without.
    """
    program = tools.which(PROGRAM)
    if program is None:
        return _NO_PROGRAM
    init = f"init={initramfs.GUEST}/usermode-init"
    words = ["con=null", "con0=null,fd:1", init, "lab.probe"]
    try:
        done = subprocess.run(
            [program, _PROBE, "mem=128M", *_WORDS, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(preload),
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        processes.kill(_PROBE)
        return f"no program ended within {_PATIENCE:.0f} s of its start"
    console = (done.stdout + done.stderr).decode(errors="replace")
    if _WORD in console:
        return None
    last = console.strip().rpartition("\n")[2]
    return diagnosis.cause(console) or f"it ended with {last!r}"


def environment(preload: Path | None) -> dict[str, str]:
    """Return the environment in which to start a kernel of user-mode Linux.

    :param preload: the result of ``xstate.library``.
    """
    more = {"LD_PRELOAD": str(preload)} if preload else {}
    return {**os.environ, "TMPDIR": _MEMORY, **more}


@dataclasses.dataclass(frozen=True)
class UserMode:
    """A way to start machines; ``preload`` was built by ``xstate.library``.

    With a CPU and a kernel that need no preload, it has no effect.
    """

    preload: Path | None = None

    def start(self, machine: Machine) -> None:
        """Start a machine in the background; raise ToolFailed on failure."""
        program = _program(machine)
        with _bell(machine) as bell, machine.console.open("ab") as console:
            # setsid leaves at once, and init reaps what it has started.
            done = subprocess.run(
                [
                    *("setsid", "--fork"),
                    *machine.network.enter([*program, *_words(machine, bell)]),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(bell,),
                cwd=machine.folder,
                env=environment(self.preload),
                check=False,
            )
        if done.returncode:
            raise ToolFailed(PROGRAM, done.returncode, machine.console_tail())


def _program(machine: Machine) -> list[str]:
    """Return the command that runs the kernel of a machine's root.

    The kernel of a root other than the host's needs the C library of that
    root.
    """
    root = machine.spec.root
    if root == HOST and (program := tools.which(PROGRAM)):
        return [program]
    if root == HOST or not Path(root, "usr/bin", PROGRAM).exists():
        raise ToolFailed(PROGRAM, 127, f"{_NO_PROGRAM} (in {root})")
    folders = (root, str(CHECKOUT), str(machine.folder.parent.parent))
    enter = ["unshare", "--mount", "--", str(_IN_ROOT), *folders]
    return [*enter, f"/usr/bin/{PROGRAM}"]


def _words(machine: Machine, bell: int) -> list[str]:
    spec = machine.spec
    wire = f"vec0:transport=tap,ifname={machine.tap},depth=128,gro=1"
    return [
        # The kernel passes a word that it does not know on to init.
        machine.mark,
        *(f"mem={spec.memory}M", *_WORDS, *_SILENT),
        *(f"init={machine.share}/.lab/usermode-init", f"lab.node={spec.name}"),
        f"lab.share={machine.share}",
        *("con0=null,fd:1", f"ssl1=fd:{bell},null"),
        f"ubd0={machine.disk}",
        f"{wire},mac={machine.hardware_address}",
        f"uml_dir={machine.folder}",
    ]


@contextlib.contextmanager
def _bell(machine: Machine) -> Iterator[int]:
    """Yield the end of a pipe from which the node reads its serial port.

    It is open for reading and writing, so that the node sees no end of file
    when a writer closes the pipe.
    """
    path = machine.folder / BELL
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR)
    try:
        yield handle
    finally:
        os.close(handle)
