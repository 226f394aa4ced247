# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, small, and tells every figure it is there for."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from bench.volt.databases import NAMES
from bench.volt.plan import QUICK
from bench.volt.requests import KINDS
from bench.volt.steady_state import ALONE, CROWD, INSIDE

ROOT = Path(__file__).parents[3]
SIZES = [str(size) for size in QUICK.sizes]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run it; return what it printed and what it wrote."""
    output = tmp_path_factory.mktemp("bench") / "deep" / "bench-volt.json"
    ran = subprocess.run(
        [sys.executable, "-m", "bench.volt", "--quick", "--output", output],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout, json.loads(output.read_text())


@pytest.fixture(params=NAMES)
def result(done, request):
    return done[1]["databases"][request.param]


def test_each_request_is_measured_at_each_size_in_each_way(result):
    assert list(result["sizes"]) == SIZES
    for size in result["sizes"].values():
        for way in (ALONE, CROWD, INSIDE):
            for kind in KINDS:
                told = size["requests"][way][kind]
                assert 0 < told["p50_ms"] <= told["p99_ms"]
                assert 0 < told["least_cpu_ms"] <= told["cpu_ms"]
                assert told["per_second"] > 0


def test_the_large_is_compared_with_the_small(result):
    for way in (ALONE, INSIDE):
        for kind in KINDS:
            assert math.isfinite(result["ratios"][way][kind])


def test_memory_is_what_the_process_has(result):
    for size in result["sizes"].values():
        assert 10 < size["memory"]["rss_mib"] <= size["memory"]["hwm_mib"]


def test_everybody_who_joins_at_once_has_a_place_in_a_flat_tree(result):
    assert len(result["storms"]) == 2 * QUICK.storms
    for storm in result["storms"]:
        assert (storm["joins"], storm["no_slot"]) == (QUICK.storm, 0)
        assert storm["depth"] == storm["least_depth"]
        assert storm["cpu"] > 0


def test_beats_come_at_the_pace_that_volt_chose(result):
    told = result["beating"]
    assert told["nodes"] == told["connections"] == QUICK.nodes
    assert told["beats_per_second"] == pytest.approx(
        QUICK.nodes / told["beat_after"], rel=0.01
    )
    assert told["share_computed"] == pytest.approx(
        told["cpu_per_beat"] * told["beats_per_second"], abs=0.001
    )
    assert told["seconds"] > QUICK.beating / 2
    assert told["share_seen"] > 0


def test_no_request_scans_a_table(result):
    for size in result["sizes"].values():
        assert size["effort"]["scans"] == []
        assert min(size["effort"]["statements"].values()) >= 4


def test_the_tables_tell_it_all(done):
    printed, written = done
    for words in ("p99 ms", "VmHWM", "joins at once", "of a core", "aim"):
        assert words in printed
    assert "load_before" in written["machine"]
    for name in NAMES:
        assert f"=== {name} ===" in printed
        for aim in written["databases"][name]["aims"]:
            assert aim in printed
