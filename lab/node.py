# SPDX-License-Identifier: Apache-2.0
"""One node as its user sees it: commands, files, power and wire."""

import contextlib
import dataclasses
import io
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lab import spec
from lab.errors import CommandFailed, CommandTimeout, NodeDown, NotInTime
from lab.machine import Boot, Machine
from lab.process import Follower, Process, pauses


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command ended; ``code`` is 128 + n if signal n killed it."""

    code: int
    stdout: str
    stderr: str


class Node:
    """A machine of the cluster; its methods may be called from any thread.

    Commands do not go through the network: they work on a cut link too.
    """

    def __init__(
        self, machine: Machine, boot: Callable[[], Boot], checkout: Path
    ) -> None:
        self.name = machine.spec.name
        self.address = spec.address(machine.position)
        self.machine, self._boot, self.checkout = machine, boot, checkout

    def run(
        self,
        argv: Sequence[str],
        *,
        input: str | bytes | None = None,
        timeout: float = 60,
        check: bool = True,
    ) -> Result:
        """Run a command as root in ``/`` of the node and wait for its end.

        ``timeout`` is in seconds.  Raises CommandFailed for a code other
        than 0 if ``check``, CommandTimeout after killing a late one, and
        NodeDown when the node has lost its power.
        """
        data = input.encode() if isinstance(input, str) else input
        code, out, err = self._run(argv, data, timeout)
        texts = out.decode(errors="replace"), err.decode(errors="replace")
        if code and check:
            raise CommandFailed(self._told(argv), code, *texts)
        return Result(code, *texts)

    def _run(
        self, argv: Sequence[str], data: bytes | None, timeout: float
    ) -> tuple[int, bytes, bytes]:
        out, err = io.BytesIO(), io.BytesIO()
        code = self.stream(argv, out, err, stdin=data, timeout=timeout)
        return code, out.getvalue(), err.getvalue()

    def stream(
        self,
        argv: Sequence[str],
        out: BinaryIO,
        err: BinaryIO,
        *,
        stdin: bytes | None = None,
        timeout: float = 86400,
    ) -> int:
        """Run a command, pass on what it prints as it does; return its code.

        An exception (Ctrl-C too) kills the command.
        """
        process = Process(self.machine, argv, stdin=stdin)
        follower = Follower(process, out, err)
        try:
            code = process.wait(timeout, follower.tick)
            if code is None:
                told = f"{self._told(argv)}: killed after {timeout} s"
                seen = map(process.read, ("out", "err"))
                texts = (data.decode(errors="replace") for data in seen)
                raise CommandTimeout(told, 137, *texts)
            return code
        except BaseException:
            with contextlib.suppress(NodeDown):
                process.kill()
            raise
        finally:
            process.forget()

    def start(self, argv: Sequence[str], *, log: str) -> Process:
        """Start a daemon; its output goes to ``self.log(log)`` on the host.

        A new line of output is appended to what an earlier one left.
        """
        self.log(log).parent.mkdir(parents=True, exist_ok=True)
        path = f"/share/logs/{self.name}/{log}"
        return Process(self.machine, argv, log=path)

    def log(self, name: str) -> Path:
        """Return where on the host the log of a daemon is."""
        return self.machine.share / "logs" / self.name / name

    def wait_until(
        self,
        condition: Callable[[], Any] | Sequence[str],
        *,
        timeout: float = 60,
        what: str = "",
    ) -> Any:
        """Wait until a function gives a true value, or a command a 0.

        Returns that value.  Raises NotInTime naming ``what`` was awaited.
        """
        if callable(condition):
            ask = condition
        else:
            argv = condition
            what = what or shlex.join(argv)

            def ask() -> bool:
                return self.run(argv, check=False).code == 0

        for _ in pauses(timeout):
            if value := ask():
                return value
        told = what or getattr(condition, "__name__", "the condition")
        raise NotInTime(f"node {self.name}: {told}: not in {timeout} s")

    def put(self, path: str, data: bytes) -> None:
        """Write a file in the node, making its folder."""
        script = 'mkdir -p "${0%/*}/" && cat >"$0"'
        self.run(["sh", "-c", script, path], input=data)

    def get(self, path: str) -> bytes:
        """Return the content of a file in the node."""
        code, out, err = self._run(["cat", "--", path], None, 60)
        if code:
            raise CommandFailed(f"node {self.name}", code, "", err.decode())
        return out

    def leftovers(self) -> list[dict[str, str]]:
        """Return what is left in the node: kind and name of each thing."""
        told = self.run(["/bin/sh", "/share/.lab/leftovers"]).stdout
        pairs = (line.split("\t", 1) for line in told.splitlines())
        return [{"kind": kind, "name": name} for kind, name in pairs]

    def power_off_hard(self) -> None:
        """Cut the power, as a torn-out cord does; the disk stays."""
        self.machine.kill()

    def power_on(self, *, timeout: float = 120) -> None:
        """Start again with the same disk and wait until it answers."""
        if not self.running():
            self.machine.start(self._boot())
        self.wait_ready(timeout)

    def wait_ready(self, timeout: float = 120) -> None:
        """Wait until the node is up; NodeDown tells its last words."""
        for _ in pauses(timeout):
            if self.machine.ready.exists():
                return
            if not self.running():
                break
        state = "is silent" if self.running() else "lost its power"
        raise NodeDown(
            f"node {self.name} {state} while it boots; its console:\n"
            f"{self.machine.console_tail()}"
        )

    def running(self) -> bool:
        """Tell whether the node has power."""
        return self.machine.pid() is not None

    def cut_link(self) -> None:
        """Pull the cable: nothing reaches the node, nothing leaves it."""
        self.machine.network.set_link(self.machine.tap, up=False)

    def restore_link(self) -> None:
        """Plug the cable in again."""
        self.machine.network.set_link(self.machine.tap, up=True)

    def limit(self, rate_mbit: float | None) -> None:
        """Let so many Mbit/s through the cable each way; None: no limit."""
        self.machine.network.limit(self.machine.tap, rate_mbit)

    def sent_bytes(self) -> int:
        """Return how many bytes the node has put on the wire."""
        return self._counted("rx")

    def received_bytes(self) -> int:
        """Return how many bytes the wire has brought to the node."""
        return self._counted("tx")

    def _counted(self, way: str) -> int:
        # What the tap receives is what the node sent.
        link = self.machine.network.links()[self.machine.tap]
        return int(link["stats64"][way]["bytes"])

    @property
    def console(self) -> Path:
        """Return the file into which the node's console is written."""
        return self.machine.console

    def _told(self, argv: Sequence[str]) -> str:
        return f"node {self.name}: {shlex.join(argv)}"
