# SPDX-License-Identifier: Apache-2.0
"""A cluster for tests: booted once, shared, always taken down.

In the conftest.py of the folder with the tests:

    from lab.pytest_plugin import (
        cluster,
        pytest_runtest_makereport,
        pytest_sessionfinish,
    )

    @pytest.fixture(scope="session")
    def lab_nodes():
        return ["images", "a", "b"]

A test then asks for ``cluster``.  When it fails, its report shows the last
lines of every node's console and of every daemon's log.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

from lab.cluster import CHECKOUT, Cluster
from lab.lockfile import locked
from lab.spec import NodeSpec

__all__ = [
    "cluster",
    "lab_nodes",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
]
FOLDER = CHECKOUT / "build" / "lab"
_LINES = 20


@pytest.fixture(scope="session")
def lab_nodes() -> Sequence[NodeSpec | str]:
    """Name the nodes of the shared cluster; a conftest may override it."""
    return ["node1", "node2", "node3"]


@pytest.fixture(scope="session")
def cluster(lab_nodes: Sequence[NodeSpec | str]) -> Iterator[Cluster]:
    """Boot the cluster that all tests of this run share."""
    yield from shared_cluster(lab_nodes)


def shared_cluster(nodes: Sequence[NodeSpec | str]) -> Iterator[Cluster]:
    """Yield a cluster that is up, and take it down in any case.

    A cluster that a killed run left behind is cleared away first; a run that
    is under way is waited for.  Each worker of pytest-xdist has its own.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    name = f"tests-{worker}" if worker else "tests"
    with locked(FOLDER / f"{name}.lock", wait=None):
        shared = Cluster(FOLDER / name, nodes)
        shared.down()
        with shared:
            yield shared


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take down the clusters that workers of pytest-xdist left behind.

    When a run is interrupted, the workers are killed amid their tests.
    """
    if hasattr(session.config, "workeroutput"):
        return
    for lock in FOLDER.glob("tests-gw*.lock"):
        clear(lock)


def clear(lock: Path) -> None:
    """Take the cluster of a lock down, unless a run has the lock."""
    with contextlib.suppress(BlockingIOError), locked(lock):
        left = Cluster(lock.with_suffix(""))
        if left.marks() or left.network.exists():
            left.down()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the nodes' consoles and logs to the report of a failed test."""
    report = yield
    shared = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and isinstance(shared, Cluster):
        for node in shared.nodes.values():
            title = f"console of node {node.name}"
            report.sections.append((title, node.machine.console_tail(_LINES)))
        for log in sorted((shared.share / "logs").glob("*/*")):
            title = f"end of {log.relative_to(shared.directory)}"
            report.sections.append((title, _tail(log)))
    return report


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_LINES:])
