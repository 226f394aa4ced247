# SPDX-License-Identifier: Apache-2.0
"""KVM is used when it worked, and tried once a boot of the host."""

import subprocess
from pathlib import Path

import pytest

from lab import accelerator, tools


@pytest.fixture
def kvm(monkeypatch):
    """Pretend that /dev/kvm is there; answer and count the probes."""
    probes = []
    state = {"works": True, "boot": "b1"}

    def probe(*_):
        probes.append(1)
        return state["works"]

    exists = Path.exists
    monkeypatch.setattr(
        Path,
        "exists",
        lambda self: str(self) == "/dev/kvm" or exists(self),
    )
    monkeypatch.setattr(accelerator, "kvm_works", probe)
    monkeypatch.setattr(accelerator, "_boot_id", lambda: state["boot"])
    state["probes"] = probes
    return state


def choose(folder):
    return accelerator.choose(folder, Path("/k"), Path("/i"))


@pytest.mark.parametrize(
    ("works", "chosen"), [(True, accelerator.KVM), (False, accelerator.TCG)]
)
def test_what_the_probe_found_is_used_and_kept(kvm, tmp_path, works, chosen):
    kvm["works"] = works
    assert choose(tmp_path) == choose(tmp_path) == chosen
    assert len(kvm["probes"]) == 1


def test_another_boot_of_the_host_is_another_probe(kvm, tmp_path):
    choose(tmp_path)
    kvm.update(boot="b2", works=False)
    assert choose(tmp_path) == accelerator.TCG


def test_a_spoilt_cache_is_another_probe(kvm, tmp_path):
    (tmp_path / "kvm.json").write_text("{")
    assert choose(tmp_path) == accelerator.KVM
    assert len(kvm["probes"]) == 1


@pytest.mark.parametrize(
    ("said", "works"), [(b"...lab: alive\r\n", True), (b"panic", False)]
)
def test_only_the_word_counts(monkeypatch, said, works):
    done = subprocess.CompletedProcess([], 0, stdout=said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    monkeypatch.setattr(tools, "which", lambda tool: tool)
    assert accelerator.kvm_works(Path("/k"), Path("/i")) is works


def test_a_machine_that_hangs_does_not_work(monkeypatch):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 5)

    monkeypatch.setattr(subprocess, "run", hang)
    assert accelerator.kvm_works(Path("/k"), Path("/i")) is False
