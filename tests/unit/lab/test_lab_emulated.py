# SPDX-License-Identifier: Apache-2.0
"""The list of what emulated machines leave out names tests that exist."""

import importlib.util
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "lab"
spec = importlib.util.spec_from_file_location(
    "emulated", FOLDER / "emulated.py"
)
emulated = importlib.util.module_from_spec(spec)
spec.loader.exec_module(emulated)


@pytest.mark.parametrize("name", emulated.LEFT_OUT)
def test_each_entry_is_a_test_and_has_a_reason(name):
    file, _, test = name.partition("::")
    text = (FOLDER / file).read_text()
    assert re.search(rf"^def {test or 'test_'}", text, re.MULTILINE)
    assert emulated.LEFT_OUT[name]


def test_every_case_of_a_test_is_left_out(monkeypatch):
    monkeypatch.setattr(emulated, "LEFT_OUT", {"test_a.py::test_b": "slow"})
    assert emulated.reason("tests/lab/test_a.py::test_b[one/two]") == "slow"
    assert emulated.reason("tests/lab/test_a.py::test_bc") is None


def test_every_test_of_a_file_is_left_out(monkeypatch):
    monkeypatch.setattr(emulated, "LEFT_OUT", {"test_a.py": "slow"})
    assert emulated.reason("tests/lab/test_a.py::test_b") == "slow"
    assert emulated.reason("tests/lab/test_ab.py::test_b") is None
