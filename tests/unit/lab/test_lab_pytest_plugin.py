# SPDX-License-Identifier: Apache-2.0
"""A test that fails with a cluster tells what its nodes said."""

import fcntl

import pytest

from lab import pytest_plugin
from lab.cluster import Cluster

pytest_plugins = ["pytester"]


@pytest.fixture
def cluster_folder(tmp_path):
    """Lay out what a cluster that was up has left to read."""
    made = Cluster(tmp_path / "x", ["a"])
    machine = made.node("a").machine
    machine.folder.mkdir(parents=True)
    machine.console.write_text("words of the kernel\n")
    log = made.node("a").log("agent.log")
    log.parent.mkdir(parents=True)
    log.write_text("words of a daemon\n")
    return made.directory


@pytest.mark.parametrize(("outcome", "shown"), [("0", True), ("1", False)])
def test_consoles_and_logs_are_shown_of_failures(
    pytester, cluster_folder, outcome, shown
):
    pytester.makeconftest(f"""
        import pytest
        from pathlib import Path
        from lab.cluster import Cluster
        from lab.pytest_plugin import pytest_runtest_makereport

        @pytest.fixture
        def cluster():
            return Cluster(Path({str(cluster_folder)!r}), ["a"])
    """)
    pytester.makepyfile(f"def test_x(cluster): assert {outcome}")
    told = pytester.runpytest_inprocess("-p", "no:cacheprovider").stdout.str()
    assert ("words of the kernel" in told) is shown
    assert ("end of share/logs/a/agent.log" in told) is shown
    assert ("words of a daemon" in told) is shown


def test_the_fixture_takes_its_cluster_down_even_so(monkeypatch, tmp_path):
    done = []

    class Fake:
        def __init__(self, folder, nodes):
            assert nodes == ["a"]

        def down(self):
            done.append("down")

        def __enter__(self):
            done.append("up")
            return self

        def __exit__(self, *_):
            done.append("down")

    monkeypatch.setattr(pytest_plugin, "Cluster", Fake)
    monkeypatch.setattr(pytest_plugin, "FOLDER", tmp_path)
    fixture = pytest_plugin.shared_cluster(["a"])
    next(fixture)
    assert done == ["down", "up"], "what a killed run left goes first"
    with pytest.raises(ZeroDivisionError):
        fixture.throw(ZeroDivisionError)
    assert done == ["down", "up", "down"]


@pytest.fixture
def left_behind(monkeypatch, tmp_path):
    """A cluster whose machines still run, and what is done to it."""
    done = []

    class Left(Cluster):
        def marks(self):
            return {f"guest={self.name}.a"}

        def down(self):
            done.append(self.directory.name)

    monkeypatch.setattr(pytest_plugin, "Cluster", Left)
    lock = tmp_path / "tests-gw0.lock"
    lock.touch()
    return lock, done


def test_what_a_killed_worker_left_behind_is_taken_down(left_behind):
    lock, done = left_behind
    pytest_plugin.clear(lock)
    assert done == ["tests-gw0"]


def test_the_cluster_of_a_run_that_lives_is_left_alone(left_behind):
    lock, done = left_behind
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        pytest_plugin.clear(lock)
    assert done == []
