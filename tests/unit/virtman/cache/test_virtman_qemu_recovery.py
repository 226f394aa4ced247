# SPDX-License-Identifier: Apache-2.0
"""The default engine after an agent that was killed at its work."""

from __future__ import annotations

import contextlib
import os

import pytest
from fake_daemon import FakeDaemon
from fake_life import Killed, Life

from virtman import privsep
from virtman.cache.qemu.engine import QemuEngine
from virtman.drivers import nbd

SECTORS = 128 * 4
CACHED = "/dev/mapper/cached_volume-a"
MAP = "set_region_mappings 0:0 R1,3"


@pytest.fixture
def daemon(kernel, monkeypatch):
    return FakeDaemon(kernel, monkeypatch)


@pytest.fixture
def source(kernel):
    return f"/dev/{kernel.sys.add('sd', SECTORS)}"


@pytest.fixture
def start(kernel, settings, monkeypatch):
    """Start an engine, as the next agent does; one that dies stays dead."""
    made = []

    def begin(lifespan=None):
        life = kernel.life = Life(lifespan)
        privsep.observe(life.done)
        engine = QemuEngine(settings())
        discard = engine._discard

        def mortal(files):
            life.alive()
            return discard(files)

        engine._discard = mortal
        made.append(engine)
        return engine

    yield begin
    kernel.life = Life()
    for engine in made:
        engine.close()


def nothing_left(engine, kernel, daemon):
    assert kernel.left() == ["sda"]
    assert daemon.connected() == []
    assert daemon.running == set()
    folders = (engine.settings.cache_dir, engine.settings.run_dir)
    assert [f for folder in folders for f in folder.glob("*")] == []


@pytest.mark.parametrize("then", ["activate", "deactivate"])
def test_an_engine_killed_after_any_step_is_taken_up_or_away(
    start, kernel, daemon, source, then
):
    for lifespan in range(1, 100):
        dying = start(lifespan)
        with contextlib.suppress(Killed):
            dying.activate("volume-a", source, SECTORS)
        survived = not kernel.life.over
        engine = start()
        if then == "activate":
            status = engine.status("volume-a", SECTORS)
            if status.device:
                engine.follow("volume-a", source, SECTORS)
            else:
                engine.activate("volume-a", source, SECTORS)
            device = kernel.dm.devices["cached_volume-a"]
            assert device.messages[-1] == MAP or MAP in device.messages
            assert len(daemon.connected()) == 1
            assert len(daemon.running) == 1
        engine.deactivate("volume-a")
        nothing_left(engine, kernel, daemon)
        if survived:
            assert lifespan > 6
            return
    raise AssertionError("the activation never got through")


def test_an_engine_killed_while_it_takes_away_is_finished(
    start, kernel, daemon, source
):
    for lifespan in range(1, 100):
        start().activate("volume-a", source, SECTORS)
        dying = start(lifespan)
        with contextlib.suppress(Killed):
            dying.deactivate("volume-a")
        survived = not kernel.life.over
        engine = start()
        assert engine.kept() <= {"volume-a"}
        engine.deactivate("volume-a")
        nothing_left(engine, kernel, daemon)
        if survived:
            assert lifespan > 3
            return
    raise AssertionError("the removal never got through")


def test_hydration_goes_on_for_a_device_of_an_agent_before(
    start, kernel, daemon, source
):
    start().activate("volume-a", source, SECTORS)
    daemon.local_bytes = 65536
    engine = start()
    engine.follow("volume-a", source, SECTORS)
    (hydrator,) = engine._hydrators.values()
    assert hydrator.name == "hydrate-volume-a"
    engine.follow("volume-a", source, SECTORS)
    assert list(engine._hydrators.values()) == [hydrator], "one is enough"


@pytest.mark.parametrize(
    ("file", "text"), [("size", SECTORS + 8), ("ro", 0), ("holders/dm-7", "")]
)
def test_a_device_that_another_program_was_faster_at_is_not_ours(
    start, kernel, daemon, tmp_path, file, text
):
    start()
    kernel.sys.write("nbd0", "pid", 1)
    kernel.sys.write("nbd0", "size", SECTORS)
    kernel.sys.write("nbd0", "ro", 1)
    claim = tmp_path / "a.device"
    claim.write_text("/dev/nbd0")
    assert nbd.claimed(claim, SECTORS) == "/dev/nbd0"
    kernel.sys.write("nbd0", file, text)
    assert nbd.claimed(claim, SECTORS) is None


def test_the_latest_claim_of_a_device_is_the_one_that_counts(
    start, kernel, daemon, tmp_path
):
    start()
    kernel.sys.write("nbd0", "pid", 1)
    kernel.sys.write("nbd0", "size", SECTORS)
    kernel.sys.write("nbd0", "ro", 1)
    for number, name in enumerate(("a", "b"), 1):
        (tmp_path / f"{name}.device").write_text("/dev/nbd0")
        os.utime(tmp_path / f"{name}.device", ns=(number, number))
    assert nbd.claimed(tmp_path / "a.device", SECTORS) is None
    assert nbd.claimed(tmp_path / "b.device", SECTORS) == "/dev/nbd0"
    assert nbd.claimed(tmp_path / "c.device", SECTORS) is None
