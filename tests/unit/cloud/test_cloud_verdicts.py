# SPDX-License-Identifier: Apache-2.0
"""What the run's table says of its figures."""

import pytest

from cloud.__main__ import verdicts

GOOD = {
    "all_active": True,
    "hosts": 2,
    "sources_on_snapshot": True,
    "root_sent_images": 2.05,
    "console_marker": True,
    "digests_ok": True,
    "reboot_ok": True,
    "power_cut_ok": True,
    "evacuate_ok": True,
    "horizon_ok": True,
    "deleted_ok": True,
    "faults_ok": True,
    "leftovers": 0,
    "failures": {},
}


def failed(**changes):
    return [row[0] for row in verdicts(GOOD | changes) if row[2] != "ok"]


def test_all_that_is_wanted_is_ok():
    assert failed() == []


@pytest.mark.parametrize("name", [name for name in GOOD if name != "failures"])
def test_what_was_not_seen_has_failed(name):
    facts = {key: GOOD[key] for key in GOOD if key != name}
    assert [row[0] for row in verdicts(facts) if row[2] != "ok"] == [name]


def test_more_than_two_images_of_the_server_is_too_much():
    assert failed(root_sent_images=2.11) == ["root_sent_images"]


def test_a_chapter_that_failed_is_told_with_its_first_line():
    rows = verdicts(GOOD | {"failures": {"reboot": "it hangs\nlog"}})
    assert rows[-1] == ("reboot", "it hangs", "FAILED")
