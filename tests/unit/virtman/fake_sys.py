# SPDX-License-Identifier: Apache-2.0
"""A /sys made of files, and the block devices that a test puts into it."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from pathlib import Path

MAJORS = {"dm-": 253, "loop": 7, "sd": 8, "nbd": 43}


class FakeSys:
    """Answers for :mod:`virtman.sysfs`: what it reads are real files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        # One change at a time, as in the kernel.
        self.lock = threading.RLock()
        (root / "block").mkdir(parents=True)

    def add(self, kind: str, sectors: int, path: str = "") -> str:
        """Make a device (``dm-``, ``loop``, ``sd``, ``nbd``); its name."""
        with self.lock:
            return self._add(kind, sectors, path)

    def _add(self, kind: str, sectors: int, path: str) -> str:
        count = self._counts[kind]
        self._counts[kind] += 1
        name = f"{kind}{_letters(count) if kind == 'sd' else count}"
        for part in ("holders", "slaves", "dm", "device"):
            (self.folder(name) / part).mkdir(parents=True)
        self.write(name, "size", sectors)
        self.write(name, "stat", "0 0 0")
        self.write(name, "dev", f"{MAJORS[kind]}:{count}")
        self._names[path or f"/dev/{name}"] = name
        return name

    def remove(self, name: str) -> None:
        """Take a device away; nothing may stand on it."""
        with self.lock:
            self._remove(name)

    def _remove(self, name: str) -> None:
        assert not self.holders(name), f"{name} is held"
        self.stand_on(name, [])
        shutil.rmtree(self.folder(name))
        self._names = {
            path: other for path, other in self._names.items() if other != name
        }

    def folder(self, name: str) -> Path:
        """Return a device's folder."""
        return self.root / "block" / name

    def write(self, name: str, file: str, text: object) -> None:
        """Fill one file of a device."""
        target = self.folder(name) / file
        target.parent.mkdir(exist_ok=True)
        target.write_text(f"{text}\n")

    def read(self, name: str, file: str) -> str:
        """Return what one file of a device says."""
        return (self.folder(name) / file).read_text().strip()

    def block_dir(self, device: str) -> Path | None:
        """Stand in for the function of the same name in sysfs."""
        name = self._names.get(str(Path(device)))
        return self.folder(name) if name else None

    def name_of(self, word: str) -> str | None:
        """Return the device that a path or ``major:minor`` means."""
        if word in self._names:
            return self._names[word]
        numbers = {self.read(name, "dev"): name for name in self.devices()}
        return numbers.get(word)

    def devices(self) -> list[str]:
        """Return every device's kernel name."""
        return sorted(self._names.values())

    def holders(self, name: str) -> list[str]:
        """Return what stands on a device."""
        return sorted(
            p.name for p in (self.folder(name) / "holders").iterdir()
        )

    def slaves(self, name: str) -> list[str]:
        """Return what a device stands on."""
        return sorted(p.name for p in (self.folder(name) / "slaves").iterdir())

    def stand_on(self, name: str, lower: list[str]) -> None:
        """Put a device on others instead of those it stood on."""
        for under in self.slaves(name):
            (self.folder(name) / "slaves" / under).unlink()
            (self.folder(under) / "holders" / name).unlink()
        for under in lower:
            (self.folder(name) / "slaves" / under).touch()
            (self.folder(under) / "holders" / name).touch()


def _letters(count: int) -> str:
    """Return a, b, .. z, ba, bb, .."""
    digits = chr(97 + count % 26)
    return (_letters(count // 26) if count >= 26 else "") + digits
