# SPDX-License-Identifier: Apache-2.0
"""The host below :mod:`virtman.privsep`, small enough to hold in memory.

Every privileged command of the agent ends in ``privsep.command.run``; here it
ends in a model of the tool.  So the tests run the agent's own code down to the
argument list, and see what would be left on a host.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_dm import FakeDm, Refused
from fake_life import Life
from fake_sys import FakeSys
from fake_tgt import FakeTgt

from virtman import privsep, sysfs
from virtman.exception import CommandError
from virtman.privsep import tgt_socket


class FakeKernel:
    """device-mapper, loop devices, tgtd and /sys.

    ``calls`` holds every command's words, ``deadlines`` theirs.  ``refuse``
    makes commands that hold certain words fail, ``refuse_nth`` the n-th
    command of all.
    """

    def __init__(self, root: Path) -> None:
        self.sys = FakeSys(root)
        self.dm = FakeDm(self.sys)
        self.tgt = FakeTgt()
        self.calls: list[tuple[str, ...]] = []
        self.wiped: list[tuple[str, int]] = []
        self.heads: dict[str, bytes] = {}
        self.held: dict[str, str] = {}
        self.deadlines: dict[tuple[str, ...], float | None] = {}
        self._refused: list[tuple[str, ...]] = []
        self._refused_nth = -1
        self.life = Life()
        self.tools = {
            "dmsetup": self.dm,
            "tgtadm": lambda args, stdin: self.tgt(args[2:], stdin),
            "losetup": self._losetup,
        }

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the model where the real host was."""
        monkeypatch.setattr(privsep.command, "run", self.run)
        monkeypatch.setattr(privsep, "claimable", self.held.get)
        monkeypatch.setattr(privsep, "wipe", self._wipe)
        monkeypatch.setattr(privsep, "head", self._head)
        monkeypatch.setattr(tgt_socket, "account", self._account)
        monkeypatch.setattr(sysfs, "SYS", self.sys.root)
        monkeypatch.setattr(sysfs, "block_dir", self.sys.block_dir)

    def run(
        self,
        argv: Sequence[str],
        stdin: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Stand in for the function of privsep; other tools just succeed."""
        self.deadlines[tuple(argv)] = deadline
        self.life.alive()
        with self.sys.lock:
            return self._run(argv, stdin)

    def _run(self, argv: Sequence[str], stdin: str | None) -> str:
        self.calls.append(tuple(argv))
        try:
            if self._is_refused(argv):
                raise Refused("the test says no")
            tool = self.tools.get(argv[0])
            return tool(list(argv[1:]), stdin) if tool else ""
        except Refused as error:
            raise CommandError(argv, 1, "", str(error)) from None

    def refuse(self, *words: str) -> None:
        """Let every command fail that has all these words."""
        self._refused.append(words)

    def refuse_nth(self, number: int) -> None:
        """Let one command fail: that many succeed before it."""
        self._refused_nth = len(self.calls) + number + 1

    def relent(self) -> None:
        """Let every command through again."""
        self._refused, self._refused_nth = [], -1

    @property
    def spared(self) -> bool:
        """Whether the n-th command, which would have failed, never came."""
        return self._refused_nth > len(self.calls)

    def called(self, *words: str) -> list[tuple[str, ...]]:
        """Return the commands so far that have all these words."""
        return [call for call in self.calls if set(words) <= set(call)]

    def loops(self) -> dict[str, str]:
        """Return the file behind every loop device in use."""
        return {
            f"/dev/{file.parent.parent.name}": file.read_text().strip()
            for file in self.sys.root.glob("block/loop*/loop/backing_file")
        }

    def lose_power(self) -> None:
        """Forget all devices, targets and what is attached to what."""
        for name in [n for n in self.sys.devices() if n.startswith("dm-")]:
            self.sys.stand_on(name, [])
        for name in self.sys.devices():
            if name.startswith(("dm-", "sd")):
                self.sys.remove(name)
        for device in self.loops():
            self.run(["losetup", "--detach", device])
        self.dm.devices.clear()
        self.tgt.targets.clear()
        self.tgt.accounts.clear()

    def left(self) -> list[str]:
        """Return what stands: the leftover check of a test."""
        disks = [n for n in self.sys.devices() if n.startswith("sd")]
        targets = [item.iqn for item in self.tgt.targets.values()]
        accounts = self.tgt.accounts
        return [*self.dm.devices, *self.loops(), *disks, *targets, *accounts]

    def _is_refused(self, argv: Sequence[str]) -> bool:
        if len(self.calls) == self._refused_nth:
            return True
        return any(set(words) <= set(argv) for words in self._refused)

    def _account(self, op: tgt_socket.Op, user: str, *rest: Any) -> None:
        self.life.alive()
        with self.sys.lock:
            self.tgt.account(op, user, *rest)

    def _wipe(self, device: str, length: int) -> None:
        self.life.alive()
        self.wiped.append((device, length))
        self.heads.pop(device, None)

    def _head(self, device: str, length: int) -> bytes:
        return self.heads.get(device, bytes(length))[:length]

    def _losetup(self, args: list[str], _: str | None) -> str:
        words = [word for word in args if not word.startswith("--")]
        if "--detach" in args:
            name = self.sys.name_of(words[0])
            if words[0] not in self.loops() or name is None:
                raise Refused(f"{words[0]}: No such device or address")
            (self.sys.folder(name) / "loop/backing_file").unlink()
            return ""
        if not words:
            return f"{self.free_loop()}\n"
        file = Path(words[-1])
        if not file.exists():
            raise Refused(f"{file}: No such file or directory")
        device = words[0] if len(words) == 2 else self.free_loop()
        name = self.sys.name_of(device)
        if name is None or device in self.loops():
            raise Refused(f"{device}: Device or resource busy")
        self.sys.write(name, "loop/backing_file", file.resolve())
        self.sys.write(name, "size", file.stat().st_size // 512)
        return f"{device}\n"

    def free_loop(self) -> str:
        """Return a loop device without a file, a new one if need be."""
        for name in self.sys.devices():
            if name.startswith("loop") and f"/dev/{name}" not in self.loops():
                return f"/dev/{name}"
        return f"/dev/{self.sys.add('loop', 0)}"
