# SPDX-License-Identifier: Apache-2.0
"""A volt-api of its own, with a registry of its own, to be measured."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from bench.volt import kernel, requests
from bench.volt.checks import right
from bench.volt.client import Client
from bench.volt.fill import fill
from bench.volt.in_process import InProcess
from tests.functional.volt.volt_process import TOKEN, VoltAPI
from volt import compose, conf

NEVER = 1_000_000
"""Beats that a node may miss: only some of them beat here."""


class Site:
    """One registry, and the volt-api that serves it."""

    def __init__(
        self, folder: Path, url: str, nodes: int = 0, workers: int = 1
    ) -> None:
        self.nodes = nodes
        self._workers = workers
        self.url = url
        folder.mkdir(parents=True)
        self._api = VoltAPI(folder, missed_beats=NEVER, workers=workers)
        with self._api.conf.open("a") as file:
            file.write(f"[database]\nconnection = {url}\n")

    def __enter__(self) -> Site:
        """Fill the registry, then start the process."""
        inside = self.inside()
        if self.nodes:
            fill(inside, self.url, self.nodes)
        else:
            right(inside.ask([requests.image()]))
        self._api.start()
        if self._workers > 1:
            self._api.logged(f"{self._workers} workers serve")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process, whatever has happened."""
        self._api.kill()

    @property
    def endpoint(self) -> str:
        """The address of the process, for other clients."""
        return str(self._api.endpoint)

    @property
    def client(self) -> Client:
        """A client of the process."""
        return Client(self._api.port, TOKEN, self._cpu_seconds)

    def inside(self) -> InProcess:
        """Return the same application in this process."""
        options = conf.new()
        conf.load(options, [f"--config-file={self._api.conf}"])
        return InProcess(compose.compose(options).application, TOKEN)

    def memory(self) -> dict[str, float]:
        """Return the memory of the process and its workers."""
        return kernel.memory(self._api.process.pid)

    def _cpu_seconds(self) -> float:
        return kernel.cpu_seconds(self._api.process.pid)
