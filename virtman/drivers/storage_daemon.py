# SPDX-License-Identifier: Apache-2.0
"""Starts and stops qemu-storage-daemon: copy-on-read, served over NBD.

One daemon an image.  Its graph, from below (``qemu-storage-daemon(1)``,
``qapi/block-core.json``)::

    host_device (the multipath device, read-only)
      └ qcow2 with an external data file: clusters keep the image's offsets
          └ copy-on-read: what was read once is written to the data file
              └ NBD export "image", with qemu:allocation-depth

The source is opened with O_DIRECT (``cache.direct``): a cluster is then one
request to the parent.  Buffered and without read-ahead it would be sixteen of
4 KiB (``page_cache_sync_ra`` of Linux 6.1), with read-ahead more than was
asked for.  The data file is opened without O_DIRECT: the loop device that
reads hydrated regions of it must see them at once, through the same page
cache.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from virtman import privsep, sysfs, waiting
from virtman.exception import LayerError

EXPORT = "image"
CLUSTER = 65536
_PROGRAM = "qemu-storage-daemon"
_OVERLAY = "file,node-name=overlay-file,filename="
# Seconds a daemon has to end after SIGTERM; it takes well under one.
_PATIENCE = 30.0
_PROC = Path("/proc")


@dataclass(frozen=True)
class Files:
    """The files of one image's cache and of its daemon."""

    overlay: Path
    data: Path
    socket: Path
    pidfile: Path
    claim: Path


def create_overlay(files: Files, source: str, sectors: int) -> None:
    """Make the empty overlay and its data file of ``sectors`` * 512 bytes.

    ``-u``: the source is not opened, it may have no path yet.  The data file
    is stretched to full length at once (sparse), so that a loop device on it
    has the image's size from the start.  Both files are made here, and belong
    to the agent's user alone: qemu-img runs as root.
    """
    for file in (files.overlay, files.data):
        file.touch(mode=0o600)
    size = sectors * sysfs.SECTOR
    options = (
        f"cluster_size={CLUSTER},lazy_refcounts=on,data_file={files.data},"
        f"backing_file={source},backing_fmt=raw"
    )
    privsep.qemu_img(
        "create", "-q", "-u", "-f", "qcow2", "-o", options,
        str(files.overlay), str(size),
    )  # fmt: skip
    os.truncate(files.data, size)


def start(files: Files, source: str) -> None:
    """Start the daemon; returns when its export answers.

    The pid file is made here: qemu-storage-daemon would make one that only
    root can read.
    """
    files.pidfile.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.pidfile.touch(mode=0o600)
    privsep.qemu_storage_daemon(
        "--daemonize",
        "--pidfile", str(files.pidfile),
        "--blockdev", f"host_device,node-name=source,filename={source},"
        "read-only=on,auto-read-only=off,cache.direct=on",
        "--blockdev", f"{_OVERLAY}{files.overlay}",
        "--blockdev", f"file,node-name=data-file,filename={files.data}",
        "--blockdev", "qcow2,node-name=overlay,file=overlay-file,"
        "data-file=data-file,backing=source",
        "--blockdev", "copy-on-read,node-name=top,file=overlay",
        "--nbd-server", f"addr.type=unix,addr.path={files.socket}",
        "--export", f"nbd,id=export,node-name=top,name={EXPORT},"
        "writable=off,allocation-depth=on",
    )  # fmt: skip


def pid(files: Files) -> int | None:
    """Return the daemon's process id, None if it does not run.

    A pid file may outlive its process, and another process may have the
    number by now: so the process must be this program with this pid file.
    """
    text = sysfs.read(files.pidfile)
    if not text or not text.strip().isdigit():
        return None
    number = int(text)
    return number if _is_of(number, files) else None


def find(files: Files) -> int | None:
    """Return the daemon's process id, with or without its pid file.

    An agent that was killed while a daemon started may have left one that
    has not written the file yet.
    """
    numbers = (int(e.name) for e in _PROC.iterdir() if e.name.isdigit())
    return pid(files) or next((n for n in numbers if _is_of(n, files)), None)


def running(folder: Path) -> list[tuple[int, Path]]:
    """Return process id and overlay of the daemons with overlays in a folder.

    They are found by their command lines, also when all their files are gone.
    """
    daemons = []
    for number in sorted(int(e.name) for e in _PROC.glob("[0-9]*")):
        words = _command(number)
        for word in words if _PROGRAM in words[0] else ():
            overlay = Path(word.removeprefix(_OVERLAY))
            if word.startswith(_OVERLAY) and overlay.parent == folder:
                daemons.append((number, overlay))
    return daemons


def stop(files: Files) -> bool:
    """End the daemon if it runs; return whether it did.

    :raises LayerError: the daemon did not end in time.
    """
    number = find(files)
    if number is None:
        return False
    privsep.signal_process(number, signal.SIGTERM)
    if not waiting.until(lambda: not _is_of(number, files), _PATIENCE):
        raise LayerError(
            f"{_PROGRAM} (process {number}) does not end on SIGTERM"
        )
    return True


def _is_of(number: int, files: Files) -> bool:
    """Tell whether a process is the daemon with this pid file."""
    words = _command(number)
    return _PROGRAM in words[0] and str(files.pidfile) in words


def _command(number: int) -> list[str]:
    """Return the words of a process's command line, at least one."""
    text = sysfs.read(_PROC / str(number) / "cmdline") or ""
    return text.split("\0")
