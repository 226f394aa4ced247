# SPDX-License-Identifier: Apache-2.0
"""The kernel a node boots and the small initramfs that finds its root.

Both are made from what the host has installed and kept in a cache folder:
the stock kernel, unpacked (unpacking it takes an emulated CPU longer than
the whole rest of the boot), and busybox with the modules that a 9p root
under an overlay takes.
"""

import gzip
import hashlib
import lzma
import shutil
import tempfile
from pathlib import Path

from lab import tools
from lab.errors import LabError, MissingTool

GUEST = Path(__file__).parent / "guest"
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
_XZ = b"\xfd7zXZ\x00"


def find_kernel(boot: Path = Path("/boot")) -> tuple[Path, str]:
    """Return the newest installed kernel with modules, and its version."""
    found = [
        (path, path.name.removeprefix("vmlinuz-"))
        for path in boot.glob("vmlinuz-*")
        if "cloud" not in path.name
    ]
    usable = [k for k in found if Path("/lib/modules", k[1]).is_dir()]
    if not usable:
        raise MissingTool(
            "no kernel in /boot with its /lib/modules: "
            "apt-get install linux-image-amd64"
        )
    return max(usable, key=lambda kernel: kernel[0].stat().st_mtime)


def build(cache: Path) -> tuple[Path, Path]:
    """Return (kernel, initramfs) for QEMU, made in ``cache`` if missing."""
    kernel, version = find_kernel()
    script = (GUEST / "initramfs-init").read_bytes()
    digest = hashlib.sha256(script + bytes(kernel)).hexdigest()[:8]
    cache.mkdir(parents=True, exist_ok=True)
    initramfs = cache / f"initramfs-{version}-{digest}"
    if not initramfs.exists():
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            _fill(Path(scratch) / "root", version)
            _pack(Path(scratch) / "root", Path(scratch) / "packed")
            (Path(scratch) / "packed").replace(initramfs)
    return _unpacked(kernel, cache / f"vmlinux-{version}"), initramfs


def _unpacked(kernel: Path, target: Path) -> Path:
    # QEMU starts an ELF kernel by its PVH entry; where the image is packed
    # with anything but xz we let the guest unpack it.
    newer = target.exists() and target.stat().st_mtime > kernel.stat().st_mtime
    if newer:
        return target
    image = kernel.read_bytes()
    start = image.find(_XZ)
    if start < 0:
        return kernel
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(lzma.LZMADecompressor().decompress(image[start:]))
    return Path(file.name).replace(target)


def _fill(root: Path, version: str) -> None:
    for folder in ("bin", "proc", "sys", "dev", "ro", "rw", "new", "lib"):
        (root / folder).mkdir(parents=True)
    shutil.copy(str(tools.which("busybox")), root / "bin")
    (root / "bin/sh").symlink_to("busybox")
    shutil.copy(GUEST / "initramfs-init", root / "init")
    (root / "init").chmod(0o755)
    names = []
    for module in _modules(version):
        names.append(module.name.partition(".ko")[0] + ".ko")
        (root / "lib" / names[-1]).write_bytes(_plain(module))
    (root / "lib/modules.order").write_text("\n".join(names) + "\n")


def _modules(version: str) -> list[Path]:
    """Return the module files in the order they must be loaded in."""
    paths: dict[Path, None] = {}
    for name in MODULES:
        ask = ["modprobe", "-S", version, "--show-depends", name]
        for line in tools.run(ask).splitlines():
            kind, _, path = line.strip().partition(" ")
            if kind == "insmod":
                paths[Path(path.strip())] = None
    return list(paths)


def _plain(module: Path) -> bytes:
    data = module.read_bytes()
    match module.suffix:
        case ".ko":
            return data
        case ".xz":
            return lzma.decompress(data)
        case ".gz":
            return gzip.decompress(data)
    raise LabError(f"{module}: a module packed in a way the lab cannot read")


def _pack(root: Path, target: Path) -> None:
    names = "\n".join(str(p.relative_to(root)) for p in root.rglob("*"))
    tools.run(
        [
            *("cpio", "--quiet", "-o", "-H", "newc"),
            *("-D", str(root), "-F", str(target)),
        ],
        stdin=names,
    )
