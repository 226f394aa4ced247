# SPDX-License-Identifier: Apache-2.0
"""A /proc made of files, and the processes that a test puts into it."""

from __future__ import annotations

from pathlib import Path

LINE = "0: 00000000:{port:04X} 00000000:0000 {state} 0:0 00:0 0 0 0 {inode} 1"
LISTEN, ESTABLISHED = "0A", "01"


class FakeProc:
    """Answers for :mod:`virtman.drivers.processes` and what reads the like."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "net").mkdir()
        self._lines = ["sl local_address rem_address st ..."]

    def run(self, pid, *words, opened=(), name=None):
        """Have a process run; ``opened`` are the targets of its files."""
        folder = self.root / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text((name or Path(words[0]).name) + "\n")
        (folder / "cmdline").write_text("\0".join([*words, ""]))
        for number, target in enumerate(opened):
            (folder / "fd" / str(number)).symlink_to(target)

    def listen(self, port, inode, state=LISTEN):
        """Have a socket of that inode on a port."""
        self._lines.append(LINE.format(port=port, inode=inode, state=state))
        (self.root / "net" / "tcp").write_text("\n".join(self._lines))
