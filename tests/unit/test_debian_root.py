# SPDX-License-Identifier: Apache-2.0
"""What tools/debian-root refuses, and how it says so."""

import os
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "debian-root"


def refusal(*words):
    """Return what the tool says of words that it does not take."""
    done = subprocess.run(
        [TOOL, *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("words", [[], ["../x"], ["Trixie"], ["a b"]])
def test_what_is_no_release_is_refused_with_an_example(words):
    assert "which release?" in refusal(*words)
    assert "debian-root trixie" in refusal(*words)


def test_a_root_that_is_not_there_runs_no_command():
    told = refusal("nowhere", "--", "true")
    remedy = "debian-root nowhere makes it"
    assert (remedy if os.geteuid() == 0 else "run it as root") in told
