# SPDX-License-Identifier: Apache-2.0
"""Targets of a real tgtd: made whole, found by name, kept while in use."""

from __future__ import annotations

import concurrent.futures
import threading

import pytest
import tgt_daemon
from tgt_daemon import wait_until_free

from virtman.drivers import iscsi
from virtman.exception import CommandError, InUse, LayerError

IQN = "iqn.2010-10.org.openstack:volume-image"
NODE = "iqn.2026-01.lab:node2"
SERIAL = "VMT0123456789ABCDEF"


def test_a_target_has_the_disk_and_the_serial_it_was_made_with(tgtd, disk):
    tid = iscsi.create(IQN + "1", disk, SERIAL)
    wanted = iscsi.Target(tid, IQN + "1", disk, SERIAL, admitted=["ALL"])
    assert iscsi.targets() == [wanted]
    assert iscsi.find(IQN + "1") == wanted
    listing = tgtd.says("--mode", "target", "--op", "show")
    assert listing.count("Readonly: Yes") == 1


def test_a_name_that_begins_like_another_is_another(tgtd, disk):
    iscsi.create(IQN + "10", disk, SERIAL)
    assert iscsi.find(IQN + "1") is None
    assert not iscsi.remove(IQN + "1")
    assert iscsi.create(IQN + "1", disk, SERIAL) == 2
    assert iscsi.remove(IQN + "1")
    assert [target.iqn for target in iscsi.targets()] == [IQN + "10"]


def test_the_lowest_free_id_is_used_again(tgtd, disk):
    made = [iscsi.create(f"{IQN}{n}", disk, SERIAL) for n in range(3)]
    iscsi.remove(IQN + "1")
    assert iscsi.create(IQN + "new", disk, SERIAL) == made[1]


def test_a_name_is_given_once(tgtd, disk):
    iscsi.create(IQN + "1", disk, SERIAL)
    with pytest.raises(CommandError, match="already exists"):
        iscsi.create(IQN + "1", disk, SERIAL)
    assert len(iscsi.targets()) == 1


def test_a_disk_that_cannot_be_opened_leaves_no_target(tgtd, tmp_path):
    with pytest.raises(CommandError):
        iscsi.create(IQN + "1", str(tmp_path / "missing"), SERIAL)
    assert iscsi.targets() == []


def test_a_target_that_serves_somebody_stays_and_names_them(tgtd, disk):
    iscsi.create(IQN + "1", disk, SERIAL)
    with tgt_daemon.login(tgtd.port, IQN + "1", NODE) as status:
        assert status == 0
        with pytest.raises(InUse, match=NODE):
            iscsi.remove(IQN + "1")
        assert iscsi.find(IQN + "1").initiators == [NODE]
    wait_until_free(IQN + "1")
    assert iscsi.remove(IQN + "1")


def test_a_reader_that_is_gone_without_a_word_is_forgotten(
    tgtd, disk, monkeypatch
):
    monkeypatch.setattr(iscsi, "_NOP", {"nop_count": "1", "nop_interval": "1"})
    iscsi.create(IQN + "1", disk, SERIAL)
    # Logged in, the connection stays open, and no question is answered.
    with tgt_daemon.login(tgtd.port, IQN + "1", NODE) as status:
        assert status == 0
        assert iscsi.find(IQN + "1").initiators == [NODE]
        wait_until_free(IQN + "1")
    assert iscsi.remove(IQN + "1")


def test_a_target_asks_its_readers_whether_they_live(tgtd, disk):
    iscsi.create(IQN + "1", disk, SERIAL)
    listing = tgtd.says("--mode", "target", "--op", "show")
    assert "Nop interval: 10" in listing
    assert "Nop count: 6" in listing


def test_targets_made_at_once_get_an_id_each(tgtd, disk):
    together = threading.Barrier(6)

    def make(number):
        together.wait(tgt_daemon.DEADLINE)
        return iscsi.create(f"{IQN}{number}", disk, SERIAL)

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(make, range(6)))
    assert sorted(ids) == [1, 2, 3, 4, 5, 6]


def test_a_daemon_that_answers_passes_the_check(tgtd):
    iscsi.check()


def test_a_daemon_that_is_away_is_named_with_the_remedy(
    tgtd, monkeypatch, tmp_path
):
    with monkeypatch.context() as away:
        away.setenv("TGT_IPC_SOCKET", str(tmp_path / "none"))
        with pytest.raises(LayerError, match=r"tgtd does not answer.*tgt\)"):
            iscsi.check()
