# SPDX-License-Identifier: Apache-2.0
"""What a starting agent puts right: no device of ours stays suspended."""

from __future__ import annotations

from virtman import recovery
from virtman.drivers import dmsetup
from virtman.names import Role


def suspended(kernel):
    return [n for n, device in kernel.dm.devices.items() if device.suspended]


def make_all(kernel):
    """Make a device of each role, and a foreign one; suspend them all."""
    for role in Role:
        dmsetup.create(role, "volume-a", "0 8 zero")
    kernel.dm.foreign("vg-root", 8, "LVM-x")
    for name in kernel.dm.devices:
        kernel.run(["dmsetup", "suspend", name])


def test_what_was_left_suspended_is_resumed_and_said(kernel, caplog):
    make_all(kernel)
    found = recovery.resume_suspended()
    assert sorted(found) == [
        f"/dev/mapper/{role}_volume-a"
        for role in ("cached", "multipath", "origin", "snapshot")
    ]
    for path in found:
        assert f"{path} was suspended" in caplog.text


def test_a_groups_devices_and_those_of_others_are_left_as_they_are(kernel):
    make_all(kernel)
    recovery.resume_suspended()
    assert sorted(suspended(kernel)) == [
        "cache_volume-a", "ssd_volume-a", "vg-root", "volume-a",
    ]  # fmt: skip


def test_nothing_is_done_where_nothing_is_suspended(kernel):
    dmsetup.create(Role.ORIGIN, "volume-a", "0 8 zero")
    kernel.calls.clear()
    assert recovery.resume_suspended() == []
    assert kernel.calls == []


def test_one_that_cannot_be_resumed_does_not_keep_the_others(kernel, caplog):
    make_all(kernel)
    kernel.refuse("dmsetup", "resume", "cached_volume-a")
    recovery.resume_suspended()
    assert "cached_volume-a stays suspended" in caplog.text
    assert "cached_volume-a" in suspended(kernel)
    assert "origin_volume-a" not in suspended(kernel)
