# SPDX-License-Identifier: Apache-2.0
"""A device mapper in memory: dmsetup's commands over a /sys of files."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from virtman import privsep, sysfs
from virtman.exception import CommandError

READING = {"table"}


class Killed(BaseException):
    """The agent was killed with signal 9; nothing of it runs any more."""


class DeviceMapper:
    """Devices by path; whatever is told to it is kept in ``commands``."""

    def __init__(self, root: Path) -> None:
        self.sys = root / "sys"
        (self.sys / "block").mkdir(parents=True)
        self.folders: dict[str, Path] = {}
        self.tables: dict[str, str] = {}
        self.inactive: dict[str, str] = {}
        self.commands: list[list[str]] = []
        self.failing: str | None = None
        self.kill_at: int | None = None
        self._numbers = itertools.count()

    def install(self, monkeypatch) -> None:
        monkeypatch.setattr(sysfs, "SYS", self.sys)
        monkeypatch.setattr(sysfs, "block_dir", self.folders.get)
        monkeypatch.setattr(privsep, "dmsetup", self.dmsetup)
        monkeypatch.setattr(privsep, "claimable", lambda path: None)
        monkeypatch.setattr(privsep, "flashcache_create", self._make_cache)
        monkeypatch.setattr(privsep, "flashcache_destroy", self._unmake_cache)

    def add(self, path: str, sectors: int) -> Path:
        number = next(self._numbers)
        folder = self.sys / "block" / f"dm-{number}"
        for name in ("dm", "slaves", "holders"):
            (folder / name).mkdir(parents=True)
        (folder / "dev").write_text(f"253:{number}\n")
        (folder / "size").write_text(f"{sectors}\n")
        (folder / "dm" / "uuid").write_text("\n")
        (folder / "dm" / "suspended").write_text("0\n")
        self.folders[path] = folder
        return folder

    def names(self) -> list[str]:
        """Return the names of all mapped devices."""
        return sorted(self.tables)

    def suspended(self) -> list[str]:
        return [
            name
            for name in self.tables
            if (self._dm(name) / "suspended").read_text() == "1\n"
        ]

    def revive(self) -> None:
        """Let another agent run."""
        self.kill_at = None

    def dmsetup(
        self,
        *args: str,
        table: str | None = None,
        deadline: float | None = None,
    ) -> str:
        verb, *rest = args
        self._begin(["dmsetup", *args])
        words = [word for word in rest if not word.startswith("--")]
        return getattr(self, f"_{verb}")(rest, words, table) or ""

    def _begin(self, argv: list[str]) -> None:
        """Note a command; fail or die when it is time to."""
        if argv[1] not in READING:
            self.commands.append(argv)
        if self.kill_at is not None and len(self.commands) > self.kill_at:
            raise Killed
        if self.failing and re.search(self.failing, " ".join(argv)):
            raise CommandError(argv, 1, "", "told to fail")

    def _dm(self, name: str) -> Path:
        return self.folders[f"/dev/mapper/{name}"] / "dm"

    def _create(self, rest, words, table) -> None:
        name, uuid = words[-1], ""
        if "--uuid" in rest:
            uuid = rest[rest.index("--uuid") + 1]
        if name in self.tables:
            raise CommandError(["dmsetup"], 1, "", "Device or resource busy")
        text = self._resolved(table)
        sectors = sum(int(line.split()[1]) for line in text.splitlines())
        folder = self.add(f"/dev/mapper/{name}", sectors)
        (folder / "dm" / "uuid").write_text(f"{uuid}\n")
        (folder / "dm" / "name").write_text(f"{name}\n")
        self.tables[name] = text
        self._hold()

    def _load(self, rest, words, table) -> None:
        self.inactive[words[-1]] = self._resolved(table)

    def _clear(self, rest, words, table) -> None:
        self.inactive.pop(words[-1], None)

    def _suspend(self, rest, words, table) -> None:
        (self._dm(words[-1]) / "suspended").write_text("1\n")

    def _resume(self, rest, words, table) -> None:
        name = words[-1]
        self.tables[name] = self.inactive.pop(name, self.tables[name])
        (self._dm(name) / "suspended").write_text("0\n")
        self._hold()

    def _table(self, rest, words, table) -> str:
        return self.tables[words[-1]].replace("error", "error ") + "\n"

    def _rename(self, rest, words, table) -> None:
        name, uuid = words
        assert (self._dm(name) / "uuid").read_text() == "\n"
        (self._dm(name) / "uuid").write_text(f"{uuid}\n")

    def _remove(self, rest, words, table) -> None:
        for name in words:
            folder = self.folders[f"/dev/mapper/{name}"]
            if list((folder / "holders").iterdir()):
                raise CommandError(["dmsetup"], 1, "", "Device is busy")
            del self.tables[name], self.folders[f"/dev/mapper/{name}"]
            folder.rename(self.sys / f"gone-{folder.name}")
            self._hold()

    def _make_cache(self, *args: str) -> str:
        self._begin(["flashcache_create", *args])
        name, ssd, disk = args[-3:]
        sectors = int((self.folders[disk] / "size").read_text())
        table = f"0 {sectors - 8} linear {disk} 0\n"
        table += f"{sectors - 8} 8 linear {ssd} 8"
        self._create([name], [name], table)
        return ""

    def _unmake_cache(self, *args: str) -> str:
        self._begin(["flashcache_destroy", *args])
        return ""

    def _resolved(self, table: str) -> str:
        """Write numbers for paths, as the kernel does, or fail."""

        def number(match):
            folder = self.folders.get(match[0])
            if folder is None:
                raise CommandError(["dmsetup"], 1, "", "No such device")
            return (folder / "dev").read_text().strip()

        return re.sub(r"/dev/\S+", number, table.strip())

    def _hold(self) -> None:
        """Note who stands on whom, from the tables."""
        by_number = {}
        for folder in self.folders.values():
            by_number[(folder / "dev").read_text().strip()] = folder
            for link in (folder / "holders").iterdir():
                link.unlink()
            for link in (folder / "slaves").iterdir():
                link.unlink()
        for name, text in self.tables.items():
            folder = self.folders[f"/dev/mapper/{name}"]
            for number in re.findall(r"\d+:\d+", text):
                under = by_number[number]
                (folder / "slaves" / under.name).touch()
                (under / "holders" / folder.name).touch()
