# SPDX-License-Identifier: Apache-2.0
"""What the lab's doctor says of a host, and the exit code it ends with."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import accelerator, cli, doctor, initramfs, kernel, tools, usermode
from lab import xstate as preloads
from lab.doctor import Finding
from lab.errors import MissingTool, ToolFailed

PRELOAD = Path("/cache/xstate.so")


@pytest.fixture
def host(monkeypatch):
    """A host on which all works; each test takes something away."""
    plenty = SimpleNamespace(free=100 << 30)
    monkeypatch.setattr(tools, "check", lambda: None)
    monkeypatch.setattr(kernel, "find", lambda: None)
    monkeypatch.setattr(doctor, "_network", lambda: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: plenty)
    monkeypatch.setattr(usermode, "trouble", lambda _: None)
    monkeypatch.setattr(preloads, "library", lambda _: PRELOAD)
    monkeypatch.setattr(Path, "exists", lambda _: True)
    monkeypatch.setattr(initramfs, "build", lambda _: (Path(), Path()))
    monkeypatch.setattr(accelerator, "kvm_works", lambda *_: True)
    return plenty


def examined():
    return {
        finding.part: finding for finding in doctor.examine(Path("/cache"))
    }


def test_a_host_that_has_it_all_is_told_so(host):
    assert {found.works for found in examined().values()} == {True}


def test_what_is_missing_stops_the_lab_and_is_named(host, monkeypatch):
    def missing():
        raise MissingTool("install cpio")

    monkeypatch.setattr(tools, "check", missing)
    found = examined()["programs and rights"]
    assert (found.works, found.text) == (False, "install cpio")


def test_a_kernel_that_lacks_a_part_of_the_network_is_told(host, monkeypatch):
    def refuse():
        raise ToolFailed("ip link add", 2, "Unknown device type")

    monkeypatch.setattr(doctor, "_network", refuse)
    found = examined()["network"]
    assert not found.works
    assert "Unknown device type" in found.text


def test_little_room_is_told_and_stops_nothing(host):
    host.free = 1 << 30
    found = examined()
    assert found["disk"].works is found["shared memory"].works is None
    assert "1.0 GiB free of 6 GiB" in found["disk"].text


def test_a_cpu_that_needs_the_preload_is_told_so(host, monkeypatch):
    wrong = {None: "too large an xstate", PRELOAD: None}
    monkeypatch.setattr(usermode, "trouble", wrong.get)
    found = examined()["user-mode Linux"]
    assert found.works
    assert "preload" in found.text


@pytest.mark.parametrize("built", [None, PRELOAD])
def test_without_user_mode_linux_the_reason_is_told(host, monkeypatch, built):
    monkeypatch.setattr(preloads, "library", lambda _: built)
    monkeypatch.setattr(usermode, "trouble", lambda _: "may not trace")
    found = examined()["user-mode Linux"]
    assert found.works is None
    assert "may not trace" in found.text
    assert "emulated machines" in found.text


def test_a_kvm_that_starts_no_machine_is_told(host, monkeypatch):
    monkeypatch.setattr(accelerator, "kvm_works", lambda *_: False)
    found = examined()["QEMU with KVM"]
    assert found.works is None
    assert "no machine starts" in found.text


@pytest.mark.parametrize(("works", "code"), [(True, 0), (None, 0), (False, 1)])
def test_it_fails_only_where_something_stops_the_lab(
    monkeypatch, capsys, works, code
):
    found = [Finding("disk", works, "as found")]
    monkeypatch.setattr(doctor, "examine", lambda _: iter(found))
    assert cli.main(["doctor"]) == code
    assert "as found" in capsys.readouterr().out
