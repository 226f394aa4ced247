# SPDX-License-Identifier: Apache-2.0
"""The small initramfs in which a node finds its root.

It is busybox and the modules that a 9p root under an overlay needs.  Busybox
is the one installed on the host; the modules are those of the node's root.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lab import kernel, tools
from lab.errors import LabError, MissingTool

GUEST = Path(__file__).parent / "guest"
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")


def build(cache: Path, root: Path = Path("/")) -> tuple[Path, Path]:
    """Return (kernel, initramfs) for QEMU, made in ``cache`` if missing.

    The kernel and its modules are those that ``root`` has installed.
    """
    cache.mkdir(parents=True, exist_ok=True)
    image, version = kernel.find(root / "boot", root / "lib/modules")
    script = (GUEST / "initramfs-init").read_bytes()
    age = str(image.stat().st_mtime_ns)
    key = hashlib.sha256(script + age.encode()).hexdigest()[:8]
    made = cache / f"initramfs-{version}-{key}"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            fill(Path(scratch, "root"), modules(version, root))
            pack(Path(scratch, "root"), Path(scratch, "packed"))
            Path(scratch, "packed").replace(made)
    return kernel.unpack(image, cache / f"vmlinux-{version}-{key}"), made


def fill(root: Path, wanted: Iterable[Path]) -> None:
    """Lay out the files, with the wanted modules in their order."""
    for folder in ("bin", "proc", "sys", "dev", "ro", "rw", "new", "lib"):
        (root / folder).mkdir(parents=True)
    shutil.copy(static(Path(str(tools.which("busybox")))), root / "bin")
    (root / "bin/sh").symlink_to("busybox")
    shutil.copy(GUEST / "initramfs-init", root / "init")
    (root / "init").chmod(0o755)
    names = []
    for module in wanted:
        names.append(module.name.partition(".ko")[0] + ".ko")
        (root / "lib" / names[-1]).write_bytes(plain(module))
    (root / "lib/modules.order").write_text("\n".join(names) + "\n")


def static(program: Path) -> Path:
    """Return a static program; raise MissingTool if it needs libraries."""
    with program.open("rb") as file:
        if b"/ld-linux" in file.read(4096):
            raise MissingTool(
                f"{program} needs libraries, and the initramfs has none: "
                "apt-get install busybox-static"
            )
    return program


def modules(version: str, root: Path = Path("/")) -> list[Path]:
    """Return the module files in the order they must be loaded in."""
    command = ["modprobe", "-d", str(root), "-S", version]
    paths: dict[Path, None] = {}
    for name in MODULES:
        ask = [*command, "--show-depends", name]
        for line in tools.run(ask).splitlines():
            kind, _, path = line.strip().partition(" ")
            if kind == "insmod":
                paths[Path(path.strip())] = None
    return list(paths)


def plain(module: Path) -> bytes:
    """Return a module's code, unpacked if the distribution packs it."""
    match module.suffix:
        case ".ko":
            return module.read_bytes()
        case ".xz":
            return lzma.decompress(module.read_bytes())
        case ".gz":
            return gzip.decompress(module.read_bytes())
        case ".zst":
            return tools.run_bytes(["zstd", "-dcq", str(module)])
    raise LabError(
        f"the module {module} is packed, and the lab reads .ko, .xz, .gz and "
        ".zst only"
    )


def pack(root: Path, target: Path) -> None:
    """Pack all below ``root`` into an archive that a kernel unpacks."""
    names = "\n".join(str(p.relative_to(root)) for p in root.rglob("*"))
    where = ["-D", str(root), "-F", str(target)]
    tools.run(["cpio", "--quiet", "-o", "-H", "newc", *where], stdin=names)
