# SPDX-License-Identifier: Apache-2.0
"""Creates and destroys of one instance race on a real kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo.site import CHECKOUT, DOOR_KEY

pytestmark = pytest.mark.lab

RACING = str(Path(__file__).parent / "guest" / "racing.py")
BLOCKS = 32
SECONDS, ROUNDS = 5, 3
MADE, GONE = "0:/dev/mapper/snapshot_racer", "0:"
THERE = "1:Virtman: the instance_name 'racer' already exists!"
ABSENT = "1:Virtman: the instance_name 'racer' does not exist!"


def test_creates_and_destroys_of_one_instance_race_safely(bed, reliability):
    image, node = bed.serve_image(BLOCKS), bed.n1
    done = node.run(
        [
            "env", f"VIRTMAN_TOKEN_FILE={DOOR_KEY}", "python3", "-S", RACING,
            str(CHECKOUT), node.address, image, bed.master.address,
            str(SECONDS), str(ROUNDS),
        ],
        timeout=600,
    )  # fmt: skip
    answers = json.loads(done.stdout)
    reliability.say(f"creates and destroys of one instance: {answers}")
    assert set(answers) <= {MADE, GONE, THERE, ABSENT}, answers
    assert answers[MADE] == answers[GONE] > 0, answers
    assert bed.site.call(node, "list") == []
    bed.create(node, "racer", image)
    found = bed.pattern(
        node, "verify", "/dev/mapper/snapshot_racer", image, 0, BLOCKS
    )
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0), found
    assert bed.site.call(node, "destroy", "racer") == GONE
