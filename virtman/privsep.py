# SPDX-License-Identifier: Apache-2.0
"""What needs root, one function a command, through oslo.privsep.

An agent that runs as root executes these in its own process
(:func:`run_in_process`); any other user's agent goes through the privsep
helper.  Nothing here takes a command to run: a function runs its own
program, with an argument list, without a shell, with a deadline.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from oslo_privsep import capabilities, priv_context

from virtman import noderecord, tgtd
from virtman.exception import CommandError

F = TypeVar("F", bound=Callable[..., Any])
# Seconds.  The slowest of these commands, an iSCSI login under emulation on
# a loaded host, was seen to take 9; a hung one must not hold a lock for ever.
DEADLINE = 120.0
SCSI_ID = "/lib/udev/scsi_id"
# Seconds.  A disk answers at once or its path is of no use.
SCSI_DEADLINE = 10.0

# What only asks; everything else changes something, or is taken to.
_QUESTIONS = {
    "nbdinfo", "claimable", "head", "scsi_id", "modprobe", "initiator_name",
}  # fmt: skip
_ASKING = {"table", "status", "show", "discovery", "info"}


class Context(priv_context.PrivContext):  # type: ignore[misc]
    """A context that tells somebody of each change made in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tell: Callable[[str], None] = lambda what: None

    def _wrap(
        self, func: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Run an entry point, by the helper or here; then tell of it."""
        answer = super()._wrap(func, *args, **kwargs)
        if not _is_question(func.__name__, args):
            self.tell(" ".join(map(str, (func.__name__, *args))))
        return answer


def _is_question(name: str, args: tuple[Any, ...]) -> bool:
    # The first free loop device is asked for by "losetup --find" alone.
    asking = _ASKING.intersection(args) or args == ("--find",)
    return name in _QUESTIONS or bool(asking)


context = Context(
    "virtman",
    cfg_section="privsep_virtman",
    pypath=f"{__name__}.context",
    capabilities=[
        capabilities.CAP_SYS_ADMIN,
        capabilities.CAP_SYS_MODULE,
        capabilities.CAP_DAC_OVERRIDE,
        capabilities.CAP_DAC_READ_SEARCH,
        capabilities.CAP_NET_ADMIN,
    ],
)


def _entrypoint(function: F) -> F:
    """Mark a function as one that runs with privileges, keeping its type."""
    wrapped: F = context.entrypoint(function)
    return wrapped


def observe(tell: Callable[[str], None]) -> None:
    """Have ``tell`` called after each command that changed something."""
    context.tell = tell


def run_in_process() -> bool:
    """Execute without a helper when already root; return whether so."""
    root = os.geteuid() == 0
    if root:
        context.set_client_mode(False)
    return root


def _run(
    argv: Sequence[str],
    stdin: str | None = None,
    deadline: float | None = None,
) -> str:
    seconds = DEADLINE if deadline is None else deadline
    # C locale: what tools print is parsed, and must not be translated.
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(argv, None, "", f"no end in {seconds} s") from None
    except OSError as error:
        raise CommandError(argv, 127, "", str(error)) from None
    if done.returncode:
        raise CommandError(argv, done.returncode, done.stdout, done.stderr)
    return done.stdout


@_entrypoint
def dmsetup(
    *args: str, table: str | None = None, deadline: float | None = None
) -> str:
    """Run the program; ``table`` goes to its standard input.

    :param deadline: in seconds, if it must end sooner than others.
    """
    return _run(["dmsetup", *args], table, deadline)


@_entrypoint
def losetup(*args: str) -> str:
    """Run the program of that name."""
    return _run(["losetup", *args])


@_entrypoint
def blockdev(*args: str) -> str:
    """Run the program of that name."""
    return _run(["blockdev", *args])


@_entrypoint
def tgtadm(*args: str) -> str:
    """Run the program of that name for the iSCSI driver."""
    return _run(["tgtadm", "--lld", "iscsi", *args])


@_entrypoint
def tgt_account(op: int, user: str, tid: int = 0, *, secret: str = "") -> None:
    """Do something with an account of tgtd, past tgtadm's command line.

    :param op: of :class:`virtman.tgtd.Op`.
    """
    tgtd.account(tgtd.Op(op), user, tid, secret)


@_entrypoint
def initiator_name() -> str:
    """Return this host's iSCSI name as an initiator, which only root knows."""
    return noderecord.initiator()


@_entrypoint
def write_node_record(iqn: str, portal: str, *, values: Any) -> int:
    """Write values into open-iscsi's records, past its command line.

    :param values: a mapping, by the names in the record.
    :returns: the number of records.
    """
    return noderecord.write(iqn, portal, values)


@_entrypoint
def iscsiadm(*args: str) -> str:
    """Run the program of that name."""
    return _run(["iscsiadm", *args])


@_entrypoint
def scsi_id(*args: str) -> str:
    """Run udev's program of that name, which is in no PATH."""
    return _run([SCSI_ID, *args], deadline=SCSI_DEADLINE)


@_entrypoint
def nbd_client(*args: str) -> str:
    """Run the program of that name."""
    return _run(["nbd-client", *args])


@_entrypoint
def nbdinfo(*args: str) -> str:
    """Run the program of that name."""
    return _run(["nbdinfo", *args])


@_entrypoint
def qemu_img(*args: str) -> str:
    """Run the program of that name."""
    return _run(["qemu-img", *args])


@_entrypoint
def qemu_storage_daemon(*args: str) -> str:
    """Run qemu-storage-daemon(1), which must be told to daemonize."""
    return _run(["qemu-storage-daemon", *args])


@_entrypoint
def flashcache_create(*args: str) -> str:
    """Run flashcache_create, of the flashcache package."""
    return _run(["flashcache_create", *args])


@_entrypoint
def flashcache_destroy(*args: str) -> str:
    """Run flashcache_destroy, of the flashcache package."""
    return _run(["flashcache_destroy", *args])


@_entrypoint
def modprobe(*args: str) -> str:
    """Run the program of that name."""
    return _run(["modprobe", *args])


@_entrypoint
def udevadm(*args: str) -> str:
    """Run the program of that name."""
    return _run(["udevadm", *args])


@_entrypoint
def write_udev_rule(path: str, text: str) -> None:
    """Write a rules file whole: udev may read it at any moment."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


@_entrypoint
def remove_udev_rule(path: str) -> None:
    """Remove a rules file."""
    Path(path).unlink(missing_ok=True)


@_entrypoint
def signal_process(pid: int, number: int) -> None:
    """Send a signal to a process of root's."""
    os.kill(pid, number)


@_entrypoint
def wipe(device: str, length: int) -> None:
    """Write zeros over the first ``length`` bytes of a block device.

    Opened exclusively: the kernel refuses when a file system or a
    device-mapper table holds the device (``open(2)``, O_EXCL).
    """
    handle = os.open(device, os.O_WRONLY | os.O_EXCL | os.O_SYNC)
    try:
        os.pwrite(handle, bytes(length), 0)
    finally:
        os.close(handle)


@_entrypoint
def head(device: str, length: int) -> bytes:
    """Return the first ``length`` bytes of a block device."""
    with Path(device).open("rb", buffering=0) as opened:
        return opened.read(length)


@_entrypoint
def claimable(device: str) -> str | None:
    """Return None if nobody holds a block device, else the reason given."""
    try:
        os.close(os.open(device, os.O_RDWR | os.O_EXCL))
    except OSError as error:
        return os.strerror(error.errno or 0)
    return None
