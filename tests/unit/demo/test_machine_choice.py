# SPDX-License-Identifier: Apache-2.0
"""Which machines the demo takes, what it says of them, and its options."""

import pytest

from demo import machine, options, plan, verdict
from demo.machine import Choice
from lab.errors import LabError
from lab.spec import MACHINES

FACTS = {
    "machine": "uml",
    "nodes": 3,
    "vms": 6,
    "image_bytes": 200 << 20,
    "depth": 2,
    "digests_ok": True,
    "root_sent_images": 2.005,
    "node_sent_bytes": {"node1": 0, "node2": 1 << 20, "node3": 200 << 20},
    "isolation_ok": True,
    "vm_booted": True,
    "leftovers": 0,
}


def works():
    return None


def fails():
    return "no program ended"


def test_user_mode_linux_is_taken_where_it_runs():
    choice = machine.choose("auto", works)
    assert choice.machine == "uml"
    assert "it runs here" in choice.why
    assert machine.choose("uml", works).machine == "uml"


def test_qemu_takes_its_place_where_it_does_not_and_the_reason_is_said():
    choice = machine.choose("auto", fails)
    assert choice.machine == "qemu"
    assert "no program ended" in machine.sentence(choice)


def test_qemu_that_was_asked_for_tries_nothing_else():
    def tried():
        raise AssertionError

    assert machine.choose("qemu", tried) == Choice("qemu", "as asked for")


def test_user_mode_linux_that_was_asked_for_and_fails_is_an_error():
    with pytest.raises(LabError, match=r"no program ended.*MACHINE=uml"):
        machine.choose("uml", fails)


@pytest.mark.parametrize("asked", machine.ASKED)
def test_the_choice_is_said_in_one_line(asked):
    said = machine.sentence(machine.choose(asked, works))
    assert len(said) < 80
    assert said.startswith("Nodes: ")


def test_the_title_says_what_is_emulated():
    emulated = ("-accel", "tcg,thread=multi")
    assert "emulated: the VM" in machine.title("uml", ())
    assert "QEMU emulates" in machine.title("qemu", emulated)
    assert "with KVM" in machine.title("qemu", ("-accel", "kvm"))


def test_the_machines_are_those_of_the_lab():
    assert set(machine.ASKED) == {"auto", *MACHINES}


def test_every_node_is_of_the_machine_chosen():
    specs = plan.machines("uml")
    assert [spec.name for spec in specs] == [plan.MASTER, *plan.COMPUTES]
    assert {spec.machine for spec in specs} == {"uml"}


def test_the_machine_is_found_out_unless_it_is_named():
    assert options.parser().parse_args([]).machine == "auto"
    given = options.parser().parse_args(["--machine", "qemu"])
    assert given.machine == "qemu"


def test_an_unknown_machine_is_refused_with_those_there_are(capsys):
    with pytest.raises(SystemExit) as error:
        options.parser().parse_args(["--machine", "xen"])
    assert error.value.code == 2
    assert "uml" in capsys.readouterr().err


def test_all_that_holds_is_ok():
    rows = verdict.verdicts(FACTS)
    assert {row[2] for row in rows} == {"ok", ""}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 1),
        ("root_sent_images", 2.2),
        ("digests_ok", False),
        ("isolation_ok", False),
        ("vm_booted", False),
        ("leftovers", 1),
    ],
)
def test_each_thing_that_does_not_hold_has_its_verdict(name, value):
    rows = verdict.verdicts({**FACTS, name: value})
    assert [row[2] for row in rows].count("FAILED") == 1
