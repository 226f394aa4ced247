# SPDX-License-Identifier: Apache-2.0
"""``tools/test-parts``: all parts run, and a table at the end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "test-parts"
DEADLINE = 60.0  # seconds; several hundred times what a run takes

MAKEFILE = """\
good:
\t@echo "=== 3 passed, 1 skipped in 0.10s ==="
bad:
\t@echo "=== 1 failed, 2 passed in 0.10s ==="; exit 3
slow:
\t@echo half; until [ -e seen ]; do sleep 0.01; done
littering:
\t@sleep 600 & echo $$! >left; echo littered
endless:
\t@trap 'echo gone >gone; exit 1' INT; touch begun; \\
\twhile :; do sleep 0.01; done
"""


@pytest.fixture
def run(tmp_path):
    """Start the script in a checkout of its own."""
    (tmp_path / "tools").mkdir()
    shutil.copy(SCRIPT, tmp_path / "tools")
    (tmp_path / "Makefile").write_text(MAKEFILE)

    def start(*parts):
        return subprocess.Popen(
            [sys.executable, tmp_path / "tools/test-parts", *parts],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def _rows(out):
    """Return part, result and summary of each line of the last table."""
    lines = out.splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("part "))
    return [line.split(maxsplit=3) for line in lines[head + 1 : -1]]


def test_what_has_failed_stops_no_other_part_and_is_in_the_exit_code(run):
    process = run("bad", "good")
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    bad, good = _rows(out)
    assert bad[0] == "bad" and "1 failed, 2 passed" in bad[-1]
    assert good[:2] == ["good", "ok"]
    assert "3 passed, 1 skipped" in good[-1]


def test_what_a_part_prints_is_printed_whole_and_kept(run, tmp_path):
    out, _ = run("good", "bad").communicate(timeout=DEADLINE)
    assert "=== 3 passed, 1 skipped in 0.10s ===" in out
    log = tmp_path / "build/test/good.log"
    assert "3 passed" in log.read_text()


def test_what_a_part_prints_is_seen_while_it_runs(run, tmp_path):
    process = run("slow")
    for line in process.stdout:
        if line == "half\n":
            break
    (tmp_path / "seen").touch()
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, out


def test_what_a_part_leaves_running_holds_nothing_up(run, tmp_path):
    try:
        out, _ = run("littering", "good").communicate(timeout=DEADLINE)
        assert [row[1] for row in _rows(out)] == ["ok", "ok"]
    finally:
        os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)


def test_without_a_part_it_says_how(run):
    process = run()
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert out.startswith("usage")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_reaches_the_parts_and_begins_no_other(
    run, tmp_path, kind
):
    process = run("endless", "good")
    limit = time.monotonic() + DEADLINE
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < limit
        time.sleep(0.01)
    os.kill(process.pid, kind)
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130, out
    assert (tmp_path / "gone").exists()
    assert not (tmp_path / "build/test/good.log").exists()
