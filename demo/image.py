# SPDX-License-Identifier: Apache-2.0
"""Build a bootable RAW disk image, on the spot, from Debian's packages.

``python -m demo.image OUT`` makes a disk that boots by BIOS from virtio,
with extlinux, Debian's kernel, busybox and real files to the brim.  A guest
reads its kernel and root file system from the disk, checks some files,
writes one, prints ``VMTHUNDER-GUEST-UP <release>`` on ttyS0 and keeps a
shell there.  No root, no mount, no loop device.  An image that is up to
date is kept: OUT.json beside it says what it was made from.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from demo import boot_loader, disk, tools
from demo.tools import ImageError, Kernel

SMALLEST_MIB = 32  # what boots alone takes half of it
LONGEST = 600.0  # seconds that building may take
Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class ImageInfo:
    """A finished image; ``bytes`` is its size, ``sha256`` in hex."""

    path: pathlib.Path
    bytes: int
    sha256: str


def build(
    path: pathlib.Path, *, size_mib: int = 200, progress: Progress
) -> ImageInfo:
    """Return the image at ``path``, built unless it is up to date.

    :param size_mib: exact size of the disk; files fill it nearly
    :param progress: called with one line for each step
    :raises ImageError: something is missing, or a step failed; nothing is
        left behind then, and an older image stays as it was
    """
    check(path, size_mib)
    kernel = tools.kernel()
    recipe = _recipe(kernel, size_mib)
    kept = _kept(path, recipe)
    if kept:
        progress(f"{path} is up to date")
        return kept
    return _build(path, kernel, size_mib * disk.MIB, recipe, progress)


def check(path: pathlib.Path, size_mib: int) -> None:
    """Check that the host has all that building an image needs.

    :raises ImageError: something is missing, or the size or path is wrong
    """
    if size_mib < SMALLEST_MIB:
        raise ImageError(
            f"the size of {size_mib} MiB is too small: ask for at least "
            f"{SMALLEST_MIB}"
        )
    if path.exists() and not _record(path).exists():
        raise ImageError(
            f"{path} exists and was not made by demo.image: remove it or "
            f"choose another name"
        )
    tools.check()
    tools.kernel()


def _build(
    path: pathlib.Path,
    kernel: Kernel,
    size: int,
    recipe: str,
    progress: Progress,
) -> ImageInfo:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the image: what is renamed must be on the same file system.
    with tempfile.TemporaryDirectory(
        dir=path.parent, prefix=".image-"
    ) as name:
        scratch = pathlib.Path(name)
        folder, raw = scratch / "root", scratch / "disk.raw"
        folder.mkdir()
        progress(f"gathering files, kernel {kernel.release}")
        disk.gather(folder, kernel, int((size - disk.START) * disk.FILL))
        progress("writing partition table and file system")
        disk.format_disk(raw, folder, size)
        progress("installing the boot loader, in a machine of its own")
        boot_loader.install(raw, kernel, scratch)
        info = ImageInfo(path, size, _sha256(raw))
        made = {"recipe": recipe, "bytes": size, "sha256": info.sha256}
        # First the record: killed between the two, the next run finds an
        # image that does not fit its record, and builds it anew.
        _record(path).write_text(json.dumps(made, indent=2) + "\n")
        raw.replace(path)
    progress(f"{path}: {info.bytes} bytes, sha256 {info.sha256}")
    return info


def _record(path: pathlib.Path) -> pathlib.Path:
    """Return the file that says what an image was made from."""
    return path.with_name(path.name + ".json")


def _kept(path: pathlib.Path, recipe: str) -> ImageInfo | None:
    """Return the image that is there, if it is right to the last byte."""
    try:
        made = json.loads(_record(path).read_text())
        info = ImageInfo(path, made["bytes"], made["sha256"])
        fresh = made["recipe"] == recipe and _sha256(path) == info.sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return info if fresh else None


def _recipe(kernel: Kernel, size_mib: int) -> str:
    """Return a digest of what an image is made from and by."""
    digest = hashlib.sha256(f"{kernel.release} {size_mib}".encode())
    here = pathlib.Path(__file__).parent
    ours = ("image", "disk", "boot_loader", "initramfs", "tools")
    sources = [here / f"{name}.py" for name in ours]
    sources += sorted((here / "guest").iterdir())
    for file in (*sources, kernel.file, tools.BUSYBOX):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(argv: Sequence[str] | None = None) -> int:
    """Build an image from the command line; 1 if it cannot be built."""
    options = _parser().parse_args(argv)
    began = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - began:5.1f} s] {text}", flush=True)

    try:
        build(options.out, size_mib=options.size, progress=progress)
    except (ImageError, OSError) as error:
        print(f"demo.image: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo.image",
        description="Build a bootable RAW disk image from what Debian "
        "packages put on this machine; keep it if it is up to date.",
        epilog="Try it: qemu-system-x86_64 -m 512 -nographic "
        "-drive file=OUT,format=raw,if=virtio",
    )
    parser.add_argument(
        "out", type=pathlib.Path, metavar="OUT", help="file to write"
    )
    parser.add_argument(
        "--size",
        type=int,
        default=200,
        metavar="MIB",
        help="size of the disk in MiB (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
