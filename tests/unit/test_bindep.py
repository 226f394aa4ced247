# SPDX-License-Identifier: Apache-2.0
"""bindep.txt names every package that the code asks a host for."""

import functools
from pathlib import Path

import pytest
from bindep.depends import Depends

import demo.tools
import lab.tools
from virtman.cache.qemu.engine import QemuEngine
from virtman.doctor import prerequisites

TEXT = (Path(__file__).parents[2] / "bindep.txt").read_text()
DEBIAN = ["platform:dpkg", "platform:debian"]
UBUNTU = ["platform:dpkg", "platform:ubuntu"]


@functools.cache
def packages(*profiles):
    rules = Depends(TEXT).active_rules(["default", *profiles])
    return {name for name, *_ in rules}


@pytest.mark.parametrize(
    "requirement",
    [
        *prerequisites.PROGRAMS,
        *prerequisites.MODULES,
        *QemuEngine.programs,
        *QemuEngine.modules,
    ],
)
def test_what_the_agent_looks_for_at_start_is_in_the_base(requirement):
    assert requirement.package in packages(*DEBIAN)


def test_what_starts_the_helpers_of_an_agent_is_in_the_base():
    assert "sudo" in packages(*DEBIAN)


@pytest.mark.parametrize("package", sorted(set(lab.tools.PACKAGES.values())))
def test_what_the_lab_needs_is_in_its_profile(package):
    assert package in packages(*DEBIAN, "lab")


@pytest.mark.parametrize("package", sorted(set(demo.tools.PACKAGES.values())))
def test_what_the_demo_needs_is_in_the_profile_lab(package):
    assert package in packages(*DEBIAN, "lab")


def test_a_compute_node_gets_no_emulator():
    assert "qemu-system-x86" not in packages(*DEBIAN)


def test_ubuntu_gets_its_own_kernel():
    assert "linux-image-generic" in packages(*UBUNTU)
    assert "linux-image-amd64" not in packages(*UBUNTU)
