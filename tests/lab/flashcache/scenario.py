# SPDX-License-Identifier: Apache-2.0
"""What the flashcache engine does on a real kernel; runs inside a node.

Each phase is a process of its own, as an agent and the one after it; they
are forked from one that has imported everything, which takes ten seconds in
an emulated machine.  The facts go to standard output as JSON; the test that
started it judges them.  ``PATH`` leads to the stand-ins of flashcache's
programs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import mmap
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from virtman import conf, names, privsep, sysfs
from virtman.cache.flashcache.engine import FlashcacheEngine
from virtman.drivers import dmsetup, loop
from virtman.exception import VirtmanError
from virtman.names import Role

FOLDER = Path("/var/lib/virtman/flashcache")
# In sectors.  None but one is a multiple of 64 KiB, or of 4 KiB.
IMAGES = {"a": 6145, "b": 4099, "c": 8192, "d": 2051}
SSDS = {"ssd1": 24577, "ssd2": 16384, "ssd3": 8200}
CHUNK = 64 * 1024


def main() -> None:
    """Run the phases and print what each found."""
    privsep.run_in_process()
    for module in ("dm_mod", "loop"):
        privsep.modprobe(module)
    facts = {
        phase.__name__: _in_a_process_of_its_own(phase)
        for phase in (live, restart, refusals, stuck)
    }
    json.dump(facts, sys.stdout)


def live() -> dict[str, Any]:
    """Fill a group of two SSDs while somebody reads the first image."""
    facts: dict[str, Any] = {"sectors": IMAGES, "ssds": SSDS}
    FOLDER.mkdir(parents=True, exist_ok=True)
    _make_files()
    engine = _engine("ssd1", "ssd2")
    _activate(engine, "a")
    facts["first"] = _tables("a")
    with _Reader("a") as reader:
        starts = [_start("a")]
        for image, change in (
            ("b", _activate),
            ("b", _deactivate),
            ("c", _activate),
            ("b", _activate),
        ):
            change(engine, image)
            if change is _activate:
                starts.append(_start(image))
        reader.await_more()
    facts["starts"] = starts
    facts["reader"] = {"right": reader.right, "faults": reader.faults}
    facts["same"] = {image: _same(image) for image in "abc"}
    facts["no_source"] = _failing(engine, "d", "/dev/mapper/nowhere")
    with _foreign(names.dm_name(Role.CACHED, "volume-d")):
        facts["name_taken"] = _failing(engine, "d", _source("d"))
    return facts | {"last": _tables("a"), "status": _states(engine)}


def restart() -> dict[str, Any]:
    """Go on with what a process before this one left; then take all away."""
    facts: dict[str, Any] = {"before": _tables("a")}
    engine = _engine("ssd1", "ssd2")
    facts["status"] = _states(engine)
    facts["wrong_size"] = engine.status("volume-a", 1).state.value
    # Killed after the disk was put in, before cached_<image> was made; and
    # in the middle of a change of the table.
    privsep.dmsetup("load", "fcg", table=_with_orphan(_source("d")))
    privsep.dmsetup("suspend", "fcg")
    privsep.dmsetup("resume", "fcg")
    privsep.dmsetup("suspend", "fcg")
    _activate(engine, "d")
    facts["after"] = _tables("d")
    facts["same"] = {image: _same(image) for image in IMAGES}
    facts["gone"] = [_deactivate(engine, image) for image in IMAGES]
    facts["again"] = _deactivate(engine, "a")
    return facts | {"left": _group_devices(), "marked": _marked("ssd1")}


def refusals() -> dict[str, Any]:
    """Groups that do not stand whole, and three SSDs."""
    facts: dict[str, Any] = {}
    engine = _engine("ssd1", "ssd2", "ssd3")
    with _foreign("ssd_fcg"):
        facts["foreign"] = _failing(engine, "a", _source("a"))
        facts["foreign_stays"] = _group_devices()
    facts["held"] = _held_ssd(engine)
    facts["unmarked"] = _half_made(engine)
    _activate(engine, "a")
    facts["adopted"] = _tables("a")
    facts["ssd_same"] = _ssd_same()
    for name in ("cached_volume-a", "cache_fcg"):
        privsep.dmsetup("remove", "--retry", name)
    facts["broken"] = _failing(engine, "b", _source("b"))
    facts["broken_sweep"] = engine.deactivate("volume-a")
    facts["broken_stays"] = _group_devices()
    remedy = re.search(r"'(dmsetup remove [^']*)'", facts["broken"]["error"])
    subprocess.run(shlex.split(remedy[1]), check=True, timeout=30)
    _activate(engine, "b")
    facts["mended"] = _same("b")
    _deactivate(engine, "b")
    return facts | {"left": _group_devices()}


def stuck() -> dict[str, Any]:
    """Change a group while a read of one image waits for its source."""
    facts: dict[str, Any] = {}
    engine = _engine("ssd1")
    _activate(engine, "a")
    before = _tables("a")["fcg"]
    source = names.dm_name(Role.MULTIPATH, "volume-a")
    privsep.dmsetup("suspend", "--noflush", source)
    with _Reader("a", await_first=False) as reader:
        _wait_for_a_read("fcg")
        # The swap is given up at its deadline: the read does not end.
        facts["refused"] = _failing(engine, "b", _source("b"))
        facts["unchanged"] = _tables("a")["fcg"] == before
        facts["suspended"] = _suspended()
        privsep.dmsetup("resume", source)
        reader.await_more()
    facts["reader"] = {"right": reader.right, "faults": reader.faults}
    _activate(engine, "b")
    facts["same"] = [_same("a"), _same("b")]
    for image in "ab":
        _deactivate(engine, image)
    _clear_files()
    return facts | {"left": _group_devices()}


def _wait_for_a_read(name: str) -> None:
    """Return when the device has begun a read that has not ended."""
    folder = sysfs.block_dir(f"/dev/mapper/{name}")
    deadline = time.monotonic() + 30
    while not int((folder / "inflight").read_text().split()[0]):
        assert time.monotonic() < deadline, "nothing is read"


def _suspended() -> list[str]:
    return [
        sysfs.read(flag.parent / "name") or ""
        for flag in Path("/sys/block").glob("dm-*/dm/suspended")
        if sysfs.read(flag) == "1"
    ]


def _in_a_process_of_its_own(phase: Callable[[], Any]) -> Any:
    pipe, result = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(result, "w") as out:
                json.dump(phase(), out)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(result)
    with os.fdopen(pipe) as facts:
        text = facts.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"{phase.__name__} failed")
    return json.loads(text)


def _make_files() -> None:
    for name, sectors in (IMAGES | SSDS).items():
        file = FOLDER / name
        content = random.Random(name).randbytes(sectors * sysfs.SECTOR)
        file.write_bytes(content)
        device = loop.attach(file, readonly=name in IMAGES)
        if name in IMAGES:
            table = f"0 {sectors} linear {device} 0"
            dmsetup.create(
                Role.MULTIPATH, f"volume-{name}", table, readonly=True
            )


def _clear_files() -> None:
    for image in IMAGES:
        dmsetup.remove(Role.MULTIPATH, f"volume-{image}")
    for name in IMAGES | SSDS:
        loop.detach(_loop(name))
    shutil.rmtree(FOLDER)


def _loop(name: str) -> str:
    return loop.devices_of(FOLDER / name)[0]


def _engine(*ssds: str) -> FlashcacheEngine:
    settings = conf.settings(conf.parse(["--config-file", os.devnull]))
    devices = tuple(_loop(name) for name in ssds)
    return FlashcacheEngine(dataclasses.replace(settings, fcg_ssds=devices))


def _source(image: str) -> str:
    return names.dm_path(Role.MULTIPATH, f"volume-{image}")


def _activate(engine: FlashcacheEngine, image: str) -> str:
    return engine.activate(f"volume-{image}", _source(image), IMAGES[image])


def _deactivate(engine: FlashcacheEngine, image: str) -> bool:
    return engine.deactivate(f"volume-{image}")


def _states(engine: FlashcacheEngine) -> dict[str, str]:
    return {
        image: engine.status(f"volume-{image}", sectors).state.value
        for image, sectors in IMAGES.items()
    }


def _failing(engine: FlashcacheEngine, image: str, source: str) -> Any:
    """Try an activation that must fail; tell how, and what it left."""
    before = _group_devices()
    members = _lines(r"linear")
    try:
        engine.activate(f"volume-{image}", source, IMAGES[image])
    except VirtmanError as error:
        return {
            "error": str(error),
            "kind": type(error).__name__,
            "unchanged": before == _group_devices(),
            "members_unchanged": members == _lines(r"linear"),
        }
    return {"error": None}


def _lines(pattern: str) -> list[str]:
    if not Path("/dev/mapper/fcg").exists():
        return []
    table = privsep.dmsetup("table", "fcg")
    return [line for line in table.splitlines() if re.search(pattern, line)]


def _tables(image: str) -> dict[str, str]:
    shown = ("fcg", "ssd_fcg", f"cached_volume-{image}")
    return {
        "fcg": privsep.dmsetup("table", shown[0]).strip(),
        "ssd_fcg": privsep.dmsetup("table", shown[1]).strip(),
        "cached": privsep.dmsetup("table", shown[2]).strip(),
        "cache": sysfs.number("/dev/mapper/cache_fcg") or "",
        "source": sysfs.number(_source(image)) or "",
        "ssd_numbers": [sysfs.number(_loop(name)) for name in SSDS],
    }


def _start(image: str) -> tuple[int, int]:
    words = privsep.dmsetup("table", f"cached_volume-{image}").split()
    return int(words[4]), int(words[4]) + int(words[1])


def _with_orphan(source: str) -> str:
    lines = _lines("")
    start, length = (int(word) for word in lines.pop().split()[:2])
    size = IMAGES["d"]
    number = sysfs.number(source)
    lines.append(f"{start} {size} linear {number} 0")
    lines.append(f"{start + size} {length - size} error")
    return "\n".join(lines)


def _half_made(engine: FlashcacheEngine) -> list[str]:
    """Leave what an agent leaves that is killed before it marks its cache.

    The undo cannot remove what is not marked, so all three stand.
    """
    claim, dmsetup.claim = dmsetup.claim, lambda role, key: False
    try:
        engine.activate("volume-a", _source("a"), IMAGES["a"])
    except VirtmanError:
        pass
    finally:
        dmsetup.claim = claim
    return _group_devices()


def _held_ssd(engine: FlashcacheEngine) -> Any:
    table = f"0 {SSDS['ssd2']} linear {_loop('ssd2')} 0"
    privsep.dmsetup("create", "holder", table=table)
    try:
        return _failing(engine, "a", _source("a"))
    finally:
        privsep.dmsetup("remove", "--retry", "holder")


@contextlib.contextmanager
def _foreign(name: str) -> Any:
    privsep.dmsetup("create", name, table="0 8 zero")
    try:
        yield
    finally:
        privsep.dmsetup("remove", "--retry", name)


def _group_devices() -> list[str]:
    found = Path("/sys/block").glob("dm-*/dm/name")
    return sorted(
        name
        for name in (sysfs.read(path) or "" for path in found)
        if not name.startswith("multipath_")
    )


def _marked(ssd: str) -> bool:
    with Path(_loop(ssd)).open("rb") as device:
        return device.read(10) == b"FLASHCACHE"


def _expected(name: str) -> bytes:
    sectors = (IMAGES | SSDS)[name]
    return random.Random(name).randbytes(sectors * sysfs.SECTOR)


def _same(image: str) -> bool:
    shown = Path(names.dm_path(Role.CACHED, f"volume-{image}"))
    return shown.read_bytes() == _expected(image)


def _ssd_same() -> bool:
    """Compare ssd_fcg with its SSDs, but for the mark at its start."""
    whole = b"".join(
        _expected(name)[: sectors // 128 * CHUNK]
        for name, sectors in SSDS.items()
    )
    return Path("/dev/mapper/ssd_fcg").read_bytes()[512:] == whole[512:]


class _Reader(threading.Thread):
    """Reads an image past the page cache, over and over, and compares."""

    def __init__(self, image: str, *, await_first: bool = True) -> None:
        super().__init__(daemon=True)
        self._await_first = await_first
        self._path = names.dm_path(Role.CACHED, f"volume-{image}")
        self._wanted = _expected(image)
        self._end = threading.Event()
        self._step = threading.Condition()
        self.right = 0
        self.faults: list[str] = []

    def __enter__(self) -> _Reader:
        self.start()
        if self._await_first:
            self.await_more()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join(30)

    def await_more(self) -> None:
        """Return when some more reads have ended."""
        with self._step:
            goal = self.right + 4
            ended = self._step.wait_for(
                lambda: self.right >= goal or self.faults, 30
            )
        assert ended, "the reader is stuck"

    def run(self) -> None:
        handle = os.open(self._path, os.O_RDONLY | os.O_DIRECT)
        buffer = mmap.mmap(-1, CHUNK)
        chunks = len(self._wanted) // CHUNK
        while not self._end.wait(0.01):
            at = random.randrange(chunks) * CHUNK
            self._judge(handle, buffer, at)
        os.close(handle)

    def _judge(self, handle: int, buffer: mmap.mmap, at: int) -> None:
        try:
            os.preadv(handle, [buffer], at)
            wrong = buffer[:] != self._wanted[at : at + CHUNK]
        except OSError as error:
            wrong = True
            self.faults.append(str(error))
        with self._step:
            self.right += not wrong
            if wrong:
                self.faults.append(f"wrong at {at}")
            self._step.notify_all()


if __name__ == "__main__":
    main()
