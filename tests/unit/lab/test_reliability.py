# SPDX-License-Identifier: Apache-2.0
"""The figures of the reliability tests add up and are written whole."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "lab" / "reliability.py"


@pytest.fixture
def figures():
    spec = importlib.util.spec_from_file_location("reliability", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Reliability()


def test_faults_stalls_and_losses_are_told(figures, tmp_path):
    figures.fault("parent power cut")
    figures.fault("agent killed", 3)
    figures.fault("agent killed")
    figures.read(
        {"worst_s": 4.0, "errors": 0, "wrong": 0, "blocks": 9,
         "read_from": {"n1": 65536, "n2": 0}},
        "parent cut",
    )  # fmt: skip
    figures.read({"worst_s": 1.0, "errors": 2, "wrong": 1})
    figures.stall(2.0)
    figures.lost(leftovers=["dm x"])
    figures.write(tmp_path / "build" / "reliability.json")
    assert json.loads((tmp_path / "build/reliability.json").read_text()) == {
        "faults_injected": {
            "agent killed": 4, "parent cut": 1, "parent power cut": 1,
        },
        "stall_median_s": 2.0,
        "stall_worst_s": 4.0,
        "guest_errors": 2,
        "leftovers": 1,
        "data_mismatches": 1,
        "bytes_by_source": {"parent cut": {"n1": 65536, "n2": 0}},
    }  # fmt: skip
    assert figures.said == [
        "parent cut: stall 4.0 s, 0 errors, 0 wrong of 9 blocks; bytes: 65536 "
        "from n1, 0 from n2"
    ]


def test_what_two_processes_have_found_is_told_as_one(figures):
    other = type(figures)()
    for one, stall in ((figures, 1.0), (other, 3.0)):
        one.fault("agent killed", 2)
        one.read({"worst_s": stall, "errors": 1, "wrong": 0})
    other.say("told")
    state = json.loads(json.dumps(other.state()))
    figures.absorb(state)
    told = figures.figures()
    assert told["faults_injected"] == {"agent killed": 4}
    assert (told["stall_median_s"], told["guest_errors"]) == (2.0, 2)
    assert figures.said == ["told"]


def test_a_run_that_broke_nothing_keeps_the_figures_of_the_last(
    figures, tmp_path
):
    figures.stall(1.0)
    figures.write(tmp_path / "reliability.json")
    assert not (tmp_path / "reliability.json").exists()


def test_what_was_not_measured_is_null(figures):
    figures.fault("agent killed")
    assert figures.figures()["stall_median_s"] is None
