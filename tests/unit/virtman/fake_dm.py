# SPDX-License-Identifier: Apache-2.0
"""dmsetup as the agent uses it: names, UUIDs, tables, holders."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fake_sys import FakeSys


class Refused(Exception):
    """What a tool prints on standard error before it exits with 1."""


@dataclass
class Dm:
    """A device: the table as the kernel prints it, and one loaded beside.

    ``failed`` are the disks that a multipath device does not use, ``used`` is
    what a snapshot says of its store.
    """

    kernel_name: str
    uuid: str
    table: str
    loaded: str | None = None
    suspended: bool = False
    used: str = ""
    failed: set[str] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)


class FakeDm:
    """Every device-mapper device, by name."""

    def __init__(self, sys: FakeSys) -> None:
        self._sys = sys
        self.devices: dict[str, Dm] = {}
        self.opened: set[str] = set()

    def __call__(self, args: list[str], stdin: str | None) -> str:
        """Do as ``dmsetup ARGS`` would."""
        verb, *rest = args
        flags = [word for word in rest if word.startswith("--")]
        words = [word for word in rest if not word.startswith("--")]
        if verb == "create":
            uuid = words.pop(0) if "--uuid" in flags else ""
            return self._create(words[0], uuid, stdin or "", flags)
        if verb == "status" and "--target" in flags:
            return self._statuses(words[0])
        name = words[-1] if verb == "info" else words[0]
        if name not in self.devices:
            raise Refused(f"Device {name} not found")
        return getattr(self, f"_{verb}")(name, words[1:], flags, stdin)

    def foreign(self, name: str, sectors: int, uuid: str = "") -> None:
        """Make a device that is somebody else's."""
        self._create(name, uuid, f"0 {sectors} error", [])

    def _create(
        self, name: str, uuid: str, text: str, flags: list[str]
    ) -> str:
        if name in self.devices:
            raise Refused("Device or resource busy")
        table, lower, sectors = self._resolved(text, flags)
        kernel_name = self._sys.add("dm-", sectors, f"/dev/mapper/{name}")
        self._sys.write(kernel_name, "dm/name", name)
        self._sys.write(kernel_name, "dm/uuid", uuid)
        self._sys.write(kernel_name, "dm/suspended", 0)
        self._sys.stand_on(kernel_name, lower)
        self.devices[name] = Dm(kernel_name, uuid, table)
        return ""

    def _resolved(
        self, text: str, flags: list[str]
    ) -> tuple[str, list[str], int]:
        lower, lines, sectors = [], [], 0
        for line in text.splitlines():
            words = line.split()
            sectors += int(words[1])
            for place, word in enumerate(words):
                under = self._sys.name_of(word)
                if under is None and word.startswith("/dev/"):
                    raise Refused(f"{word}: No such device")
                if under is not None:
                    words[place] = self._sys.read(under, "dev")
                    lower.append(under)
            lines.append(" ".join(words))
        disks = [name for name in lower if name.startswith("sd")]
        if disks and "--readonly" not in flags:
            raise Refused("Read-only file system")
        return "\n".join(lines), sorted(set(lower)), sectors

    def _load(self, name: str, _: object, flags: list[str], text: str) -> str:
        self._resolved(text, flags)
        self.devices[name].loaded = text
        self.devices[name].messages.append(f"load {' '.join(flags)}".strip())
        return ""

    def _suspend(self, name: str, *_: object) -> str:
        self._set_suspended(name, True)
        return ""

    def _resume(self, name: str, *_: object) -> str:
        device = self.devices[name]
        if device.loaded is not None:
            device.table, lower, sectors = self._resolved(
                device.loaded, ["--readonly"]
            )
            device.loaded = None
            device.failed.clear()
            self._sys.stand_on(device.kernel_name, lower)
            self._sys.write(device.kernel_name, "size", sectors)
        self._set_suspended(name, False)
        return ""

    def _clear(self, name: str, *_: object) -> str:
        self.devices[name].loaded = None
        return ""

    def _table(self, name: str, *_: object) -> str:
        return self.devices[name].table + "\n"

    def _status(self, name: str, *_: object) -> str:
        """Only of a multipath device with a path a group."""
        device = self.devices[name]
        disks = re.findall(r"queue-length 0 1 1 (\S+)", device.table)
        groups = [
            f"E 0 1 1 {disk} {'F' if disk in device.failed else 'A'} 0 0"
            for disk in disks
        ]
        start = " ".join(device.table.split()[:2])
        return f"{start} multipath 2 0 0 0 {len(disks)} 1 {' '.join(groups)}\n"

    def _statuses(self, target: str) -> str:
        """Of every device of that target."""
        lines = []
        for name, device in self.devices.items():
            start, size, kind, *rest = device.table.split()
            if kind != target:
                continue
            usage = device.used or f"16/{self._sectors(rest[1])} 16"
            lines.append(f"{name}: {start} {size} {kind} {usage}\n")
        return "".join(lines) or "No devices found\n"

    def _sectors(self, number: str) -> int:
        under = self._sys.name_of(number)
        return int(self._sys.read(under, "size"))

    def _info(self, name: str, *_: object) -> str:
        """Only how often it is open."""
        kernel_name = self.devices[name].kernel_name
        return (
            f"{len(self._sys.holders(kernel_name)) + (name in self.opened)}\n"
        )

    def _message(self, name: str, words: list[str], *_: object) -> str:
        device = self.devices[name]
        text = " ".join(words[1:])
        if text == "queue_if_no_path":
            device.table = device.table.replace(
                "multipath 0 ", "multipath 1 queue_if_no_path "
            ).replace(
                "multipath 2 queue", "multipath 3 queue_if_no_path queue"
            )
        if text == "fail_if_no_path":
            device.table = device.table.replace(
                "multipath 1 queue_if_no_path ", "multipath 0 "
            )
        if text.startswith("fail_path "):
            device.failed.add(text.split()[1])
        if text.startswith("reinstate_path "):
            device.failed.discard(text.split()[1])
        device.messages.append(text)
        return ""

    def _rename(self, name: str, words: list[str], *_: object) -> str:
        self.devices[name].uuid = words[0]
        self._sys.write(self.devices[name].kernel_name, "dm/uuid", words[0])
        return ""

    def _remove(self, name: str, *_: object) -> str:
        kernel_name = self.devices[name].kernel_name
        if self._sys.holders(kernel_name) or name in self.opened:
            raise Refused(
                f"device-mapper: remove ioctl on {name}  failed: "
                "Device or resource busy"
            )
        self._sys.remove(kernel_name)
        del self.devices[name]
        return ""

    def _set_suspended(self, name: str, suspended: bool) -> None:
        self.devices[name].suspended = suspended
        kernel_name = self.devices[name].kernel_name
        self._sys.write(kernel_name, "dm/suspended", int(suspended))
