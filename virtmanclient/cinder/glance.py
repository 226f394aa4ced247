# SPDX-License-Identifier: Apache-2.0
"""Make a RAW file of an image in Glance, by Cinder's own tools.

The image is downloaded whole, held against Glance's hash, converted if it is
not RAW, and made as long as the volume.  An error names the reason, and no
half of a file is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cinder import exception
from cinder.image import image_utils
from oslo_concurrency import processutils
from oslo_config import cfg

GIB = 1 << 30
FORMATS = frozenset({"raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx"})
# So much is read at once: a file may be larger than the memory.
_PIECE = 1 << 20
_PROGRAMS = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
Meta = Mapping[str, Any]


class TooLarge(exception.ImageUnacceptable):
    """An image that is larger than the volume; a larger one would hold it."""


def require_usable(meta: Meta, size: int) -> None:
    """Refuse an image that no disk can be made of, before any download.

    :param size: of the volume, in GiB
    :raises ImageUnacceptable: with the reason; Cinder does not try elsewhere
    """
    kind, shell = meta.get("disk_format"), meta.get("container_format")
    if kind not in FORMATS or shell not in ("bare", "raw", None):
        raise unacceptable(
            meta,
            f"a disk is made of a plain image of {', '.join(sorted(FORMATS))}"
            f", not of {kind} in {shell}; convert the image and upload it",
        )
    if (meta.get("size") or 0) > size * GIB and kind == "raw":
        raise too_large(meta, f"the image is larger than {size} GiB")


def fetch_raw(
    context: Any, service: Any, meta: Meta, size: int, target: Path
) -> None:
    """Make the RAW file of an image, of ``size`` GiB.

    :param target: the file; files beside it with other suffixes are of an
        attempt that was broken off
    :raises ImageUnacceptable: the image is not what Glance says it is
    :raises ImageTooBig: the folder has no room for the download
    :raises ImageCopyFailure: the file could not be converted or written
    """
    source, part = target.with_suffix(".glance"), target.with_suffix(".part")
    with _leaving_nothing(source, part):
        image_utils.fetch(
            context, service, meta["id"], str(source), None, None
        )
        _verify(context, service, meta, source)
        _convert(meta, size, source, part)
        _finish(part, size, target)


def enlarge(source: Path, size: int, target: Path) -> None:
    """Make a larger copy of a RAW file, of ``size`` GiB, as sparse as it is.

    :raises ImageCopyFailure: the copy could not be written
    """
    part = target.with_suffix(".part")
    with _leaving_nothing(part):
        processutils.execute(
            "cp", "--sparse=always", "--reflink=auto", source, part
        )
        _finish(part, size, target)


@contextlib.contextmanager
def _leaving_nothing(*files: Path) -> Iterator[None]:
    """Remove files in the end; raise what failed as an error of Cinder."""
    try:
        yield
    except processutils.ProcessExecutionError as error:
        raise copy_failure(str(error.stderr or error).strip()) from error
    except OSError as error:
        raise copy_failure(f"{files[0].parent}: {error.strerror}") from error
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def unacceptable(meta: Meta, reason: str) -> Exception:
    """Return the error of an image that no other host could use either."""
    made: Exception = exception.ImageUnacceptable(
        image_id=meta["id"], reason=f"virtman: {reason}"
    )
    return made


def too_large(meta: Meta, reason: str) -> TooLarge:
    """Return the error of an image that is larger than its volume."""
    return TooLarge(
        image_id=meta["id"],
        reason=f"virtman: {reason}; ask for a larger volume",
    )


def copy_failure(reason: str) -> Exception:
    """Return the error of an image file that could not be written."""
    made: Exception = exception.ImageCopyFailure(reason=f"virtman: {reason}")
    return made


def _verify(context: Any, service: Any, meta: Meta, file: Path) -> None:
    """Hold a downloaded file against the hash and signature of its image."""
    name, wanted = meta.get("os_hash_algo"), meta.get("os_hash_value")
    if not (name and wanted):
        # Images from before Glance's Rocky have a checksum alone.
        name, wanted = "md5", meta.get("checksum")
    if wanted and _digest(file, name) != wanted:
        raise unacceptable(
            meta,
            f"the downloaded file has another {name} than Glance says; try "
            "again, and if the error stays, upload the image anew",
        )
    if cfg.CONF.verify_glance_signatures != "disabled":
        image_utils.verify_glance_image_signature(
            context, service, meta["id"], str(file)
        )


def _digest(file: Path, name: str) -> str:
    """Return a file's digest.

    By a program for the usual hashes: cinder-volume's threads are green, and
    all of them would wait while gigabytes are read.
    """
    if name in _PROGRAMS:
        output, _ = processutils.execute(f"{name}sum", "--binary", file)
        # The line starts with a backslash when the file's name is escaped.
        return str(output).lstrip("\\").partition(" ")[0]
    made = hashlib.new(name, usedforsecurity=False)
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            made.update(piece)
    return made.hexdigest()


def _convert(meta: Meta, size: int, source: Path, part: Path) -> None:
    """Write an image's content to ``part``, as RAW.

    Cinder's tools look into the file before QEMU does.  They refuse a file
    with a backing file, or of another format than Glance says.
    """
    kind = image_utils.fixup_disk_format(meta["disk_format"])
    data = _look(meta, source)
    if data.backing_file:
        raise unacceptable(
            meta, "the image has a backing file; upload it without one"
        )
    if data.virtual_size > size * GIB:
        raise too_large(meta, f"the image's disk is larger than {size} GiB")
    if kind == "raw":
        image_utils.check_image_format(
            str(source), kind, meta["id"], data, run_as_root=False
        )
        source.replace(part)
    else:
        image_utils.convert_image(
            str(source), str(part), 'raw', src_format=kind, run_as_root=False,
            image_id=meta['id'], data=data,
        )  # fmt: skip


def _look(meta: Meta, file: Path) -> Any:
    try:
        return image_utils.qemu_img_info(str(file), run_as_root=False)
    except exception.Invalid as error:
        raise unacceptable(meta, str(error)) from error
    except OSError as error:
        raise copy_failure(
            f"qemu-img: {error.strerror}; install qemu-utils"
        ) from error


def _finish(part: Path, size: int, target: Path) -> None:
    """Give a finished file its size and its name, flushed to the disk."""
    handle = os.open(part, os.O_RDWR)
    try:
        os.ftruncate(handle, size * GIB)
        # The agent reads it, perhaps as another user.
        os.fchmod(handle, 0o644)
        os.fsync(handle)
    finally:
        os.close(handle)
    part.replace(target)
