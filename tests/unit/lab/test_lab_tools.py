# SPDX-License-Identifier: Apache-2.0
"""What is missing is named with its package; what fails tells why."""

import os

import pytest

from lab import tools
from lab.errors import LabError, MissingTool


def test_all_that_is_missing_is_named_at_once(monkeypatch):
    there = {"ip", "tc"}
    monkeypatch.setattr(tools, "which", lambda t: t if t in there else None)
    with pytest.raises(MissingTool) as caught:
        tools.check()
    told = str(caught.value)
    assert "qemu-system-x86_64 (package qemu-system-x86)" in told
    assert "apt-get install busybox-static cpio e2fsprogs" in told
    assert "iproute2" not in told


def test_without_root_it_says_so(monkeypatch):
    monkeypatch.setattr(tools, "which", lambda t: t)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingTool, match="root"):
        tools.check()


def test_a_program_that_is_not_there_names_its_package(monkeypatch):
    monkeypatch.setattr(tools, "which", lambda t: None)
    with pytest.raises(MissingTool, match="apt-get install iproute2"):
        tools.run(["tc", "qdisc"])


def test_a_failure_tells_command_code_and_reason():
    with pytest.raises(LabError) as caught:
        tools.run(["sh", "-c", "echo reason >&2; exit 3"])
    for word in ("sh -c", "exit code 3", "reason"):
        assert word in str(caught.value)


def test_input_and_folder_are_passed_on(tmp_path):
    (tmp_path / "here").touch()
    assert tools.run(["cat"], stdin="text") == "text"
    assert tools.run(["ls"], cwd=tmp_path) == "here\n"
